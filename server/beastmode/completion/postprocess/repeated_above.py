"""The block above the cursor, written once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

FEWEST_LINES, LONGEST_BLOCK = 3, 20
"""Lines of a block whose repetition is no accident, and lines above the cursor that are compared; blank ones aside."""
_FEWEST_LETTERS = 30


def repeated_above(text: str, cursor: Cursor) -> str:
    """Nothing, where the text does nothing but write the lines above it again, from some line to the last one."""
    if cursor.line_before.strip() or text.count("\n") < FEWEST_LINES - 1:
        return text
    ours = [line.strip() for line in text.split("\n") if line.strip()]
    above = [line.strip() for line in cursor.before.split("\n")[-3 * LONGEST_BLOCK :] if line.strip()]
    above = above[-LONGEST_BLOCK:]
    for start in range(len(above) - FEWEST_LINES + 1):
        block = above[start:]
        if ours[0] == block[0] and len(ours) >= len(block) and _letters(block) >= _FEWEST_LETTERS:
            again = [block[number % len(block)] for number in range(len(ours))]
            if ours == again and len(set(block)) > 1:
                return ""
    return text


def _letters(lines: list[str]) -> int:
    return sum(map(str.isalnum, "".join(lines)))
