"""An answer of blanks only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def blank(text: str, _cursor: Cursor) -> str:
    """Nothing, where there is nothing to see."""
    return text if text.strip() else ""
