"""Blanks and empty lines at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def trailing_whitespace(text: str, cursor: Cursor) -> str:
    """The text without them; a blank before something that stands right of the cursor is meant."""
    if cursor.line_after.strip():
        return text.rstrip("\n")
    return text.rstrip()
