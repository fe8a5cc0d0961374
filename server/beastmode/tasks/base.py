"""What every task shares: finding its prompt, and words for a place in the code."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from beastmode.tasks.chat.clean import one_line
from beastmode.wire.control_tokens import defused

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Place

_LONGEST = 2_000
"""Characters of a message that a tool made."""


def prompt(name: str) -> str:
    """The text of prompts/NAME.md."""
    return files("beastmode.tasks").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8").strip()


def about(place: Place) -> str:
    """What is said about lines of a file, quoted: it comes from tools and files, and is data."""
    said = defused(one_line(place.message))[:_LONGEST]
    kind = f"{one_line(place.kind)[:80]}: " if place.kind else ""
    return f'{one_line(place.path)} lines {place.line + 1}-{place.end_line + 1}: "{kind}{said}"'
