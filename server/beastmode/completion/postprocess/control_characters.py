"""Characters that no code needs and that do harm: terminal escapes, NUL, and the marks that reorder text on the screen.

A model's text is not to be trusted: with bidirectional marks, code can be shown in another order than it is compiled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

# C0 and C1 without tab and line ends, bidirectional controls, byte order mark, halves of surrogate pairs.
_HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def control_characters(text: str, _cursor: Cursor) -> str:
    """The text without them."""
    return text if text.isascii() and text.isprintable() else _HARMFUL.sub("", text)
