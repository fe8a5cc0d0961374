r"""Line ends as everywhere inside: `\n`. The editor turns them into the document's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def line_endings(text: str, _cursor: Cursor) -> str:
    r"""`\r\n` and a lone `\r` become `\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
