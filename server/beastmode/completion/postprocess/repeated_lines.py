"""Lines and blocks of lines that a model writes again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

LONGEST_BLOCK = 6
SAME_LINES, SAME_BLOCKS = 4, 3
"""How often a line, and a block of lines, may not come in a row. Three equal rows of a table are still code."""


def repeated_lines(text: str, cursor: Cursor) -> str:
    """The text up to the end of the first round."""
    lines = text.split("\n")
    whole = [cursor.line_before + lines[0], *lines[1:]]
    for end in range(SAME_LINES, len(lines) + 1):
        for size in range(1, LONGEST_BLOCK + 1):
            rounds = SAME_LINES if size == 1 else SAME_BLOCKS
            start = end - size * rounds
            if start >= 0 and _repeats(whole, start, end, size):
                return "\n".join(lines[: start + size])
    return text


def _repeats(lines: list[str], start: int, end: int, size: int) -> bool:
    # Compared with itself, moved by one round. Blank lines in a row are no repetition.
    return lines[start : end - size] == lines[start + size : end] and any(map(str.strip, lines[start : start + size]))
