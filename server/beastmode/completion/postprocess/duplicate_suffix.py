"""Lines that already stand below the cursor. What stands right of it on its own line is `retyped`'s affair."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.brackets import line_depths
from beastmode.completion.postprocess.indentation import width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.text import Cursor

_CLOSING_WORD = re.compile(r"[ \t]*(?:end|fi|done|esac|</[\w:.-]+>)[;,]?[ \t]*")


def duplicate_suffix(text: str, cursor: Cursor) -> str:
    """The text up to the line that equals the next line of the document, indentation included.

    A closing line that closes what the text itself has opened is not the document's, even if it looks the same.
    """
    below = _next_line(cursor)
    if not below:
        return text
    lines = text.split("\n")
    whole = [cursor.line_before + lines[0], *lines[1:]]
    for number, line in enumerate(whole):
        if line.rstrip() == below and line_depths(text)[number] == 0 and not _closes_own(whole, number):
            return "\n".join(lines[:number])
    return text


def _next_line(cursor: Cursor) -> str:
    below = cursor.after[len(cursor.line_after) :].lstrip("\n")
    while below and not below.partition("\n")[0].strip():
        below = below.partition("\n")[2]
    return below.partition("\n")[0].rstrip()


def _closes_own(lines: Sequence[str], number: int) -> bool:
    """Whether the closing word on this line belongs to a line of the text: the last one as far in, if any."""
    if not _CLOSING_WORD.fullmatch(lines[number]):
        return False
    level = width(lines[number])
    for line in reversed(lines[:number]):
        if line.strip() and width(line) <= level:
            return width(line) == level
    return False
