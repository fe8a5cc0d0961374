"""One line where one line was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.completion.multiline import is_multiline

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def single_line(text: str, cursor: Cursor) -> str:
    """The first line, unless a block may stand at this cursor."""
    return text if is_multiline(cursor) else text.partition("\n")[0]
