"""A suggestion of just what already stands right of the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.completion.retyped import retyped

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def already_there(text: str, cursor: Cursor) -> str:
    """Nothing, where accepting the text would change nothing."""
    return "" if text and text == cursor.line_after[: retyped(text, cursor)] else text
