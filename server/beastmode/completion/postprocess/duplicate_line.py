"""The line above the cursor, written once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

SHORTEST = 6
"""Characters of a line that is no accident: `}`, `end` and `pass` come twice in good code."""


def duplicate_line(text: str, cursor: Cursor) -> str:
    """Nothing, where the cursor's line would become the same as the line above it."""
    if cursor.line_after.strip():
        return text
    above = cursor.before[: len(cursor.before) - len(cursor.line_before)].rstrip()
    above = above[above.rfind("\n") + 1 :]
    line = cursor.line_before + text.partition("\n")[0]
    return "" if line.rstrip() == above and len(above.strip()) >= SHORTEST else text
