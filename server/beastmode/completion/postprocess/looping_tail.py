"""A last line that goes round in circles: `a, b, a, b, a, b, …` until the model's tokens ran out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

ROUNDS = 6
LONGEST_ROUND = 40


def looping_tail(text: str, _cursor: Cursor) -> str:
    """The text without such a line. A row of one character is a ruler, and stays."""
    while text:
        line = text[text.rfind("\n") + 1 :]
        if not _loops(line):
            return text
        text = text[: len(text) - len(line)].removesuffix("\n")
    return text


def _loops(line: str) -> bool:
    for size in range(2, min(LONGEST_ROUND, len(line) // ROUNDS) + 1):
        part = line[-size:]
        if line.endswith(part * ROUNDS) and len(set(part)) > 1:
            return True
    return False
