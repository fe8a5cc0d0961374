"""What every task shares: finding its prompt."""

from __future__ import annotations

from importlib.resources import files


def prompt(name: str) -> str:
    """The text of prompts/NAME.md."""
    return files("beastmode.tasks").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8").strip()
