"""Lines and blocks of lines that a model writes again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

LONGEST_BLOCK = 20
SAME_LINES, SAME_BLOCKS, SAME_LONG_BLOCKS = 4, 3, 2
"""How often a line, and a block of lines, may not come in a row. Three equal rows of a table are still code."""
LONG_BLOCK = 5
"""Lines of a block that nobody writes twice."""


def repeated_lines(text: str, cursor: Cursor) -> str:
    """The text up to the end of the first round."""
    lines = text.split("\n")
    whole = [cursor.line_before + lines[0], *lines[1:]]
    for end in range(SAME_LINES, len(lines) + 1):
        for size in range(1, LONGEST_BLOCK + 1):
            rounds = SAME_LINES if size == 1 else SAME_BLOCKS if size < LONG_BLOCK else SAME_LONG_BLOCKS
            start = end - size * rounds
            if start < 0 or whole[end - 1] != whole[end - 1 - size]:
                continue
            if _repeats(whole, start, end, size):
                return "\n".join(lines[: start + size])
    return text


def _repeats(lines: list[str], start: int, end: int, size: int) -> bool:
    # Compared with itself, moved by one round. Blank lines in a row are no repetition.
    block = lines[start : start + size]
    return lines[start : end - size] == lines[start + size : end] and _texts(block) >= (
        1 if size < LONG_BLOCK else LONG_BLOCK
    )


def _texts(block: list[str]) -> int:
    return sum(map(bool, map(str.strip, block)))
