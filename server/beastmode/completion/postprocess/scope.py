"""The end of the block that the cursor stands in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.brackets import line_depths
from beastmode.completion.postprocess.indentation import width

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_CLOSER = re.compile(r"[ \t]*(?:[)\]}]+[;,]?|end|fi|done|esac|</[\w:.-]+>)[ \t]*")


def scope(text: str, cursor: Cursor) -> str:
    """The text up to where it leaves the cursor's block; a line that only closes the block still belongs to it.

    At the top level a block ends at a blank line that a line without indentation follows. A line inside of brackets
    that the cursor's line or the text has opened never ends anything.
    """
    if "\n" not in text:
        return text
    lines = text.split("\n")
    depths: list[int] = []
    level = width(cursor.line_before)
    seen = bool((cursor.line_before + lines[0]).strip())
    for number in range(1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if seen and _leaves(line, lines[number - 1], level):
            depths = depths or line_depths(cursor.line_before + text)
            if depths[number] == 0:
                keeps = level > 0 and _CLOSER.fullmatch(line) is not None
                return "\n".join(lines[: number + 1 if keeps else number])
        seen = True
    return text


def _leaves(line: str, above: str, level: int) -> bool:
    return width(line) < level if level else not above.strip() and width(line) == 0
