"""What of a large file a model must see to test some of it: the code in question whole, what it uses, and no more.

Pure. A small model that sees a whole file writes tests for all of it, and every model is paid by what it reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax import definitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.context.syntax import Definition

SMALL = 120
"""Lines of a file that is shown whole."""
_MOST_HEAD = 40
"""Lines above the first definition: imports and constants."""
_MOST_OUTLINE = 20
"""Lines of one other definition."""
_MOST_USED = 8
"""Other definitions of the file that are shown as a caller sees them."""


def focused(lines: Sequence[str], language: str, first: int, last: int) -> tuple[str, ...]:
    """The lines to show of a file, in its order; all of it where it is small or cannot be read.

    Args:
        lines: of the file.
        language: the editor's id.
        first: of the lines in question, from zero.
        last: of them, included.
    """
    found = definitions("\n".join(lines), language) if len(lines) > SMALL else []
    if not found:
        return tuple(lines)
    hit = [each for each in found if each.line <= last and first <= each.end_line and each.kind != "class"]
    start = min([first, *(each.line for each in hit)])
    end = max([last, *(each.end_line for each in hit)])
    shown = {*range(min([found[0].line, _MOST_HEAD])), *range(start, min(end, len(lines) - 1) + 1)}
    outlines = {each.line: each.text for each in _used(found, "\n".join(lines[start : end + 1]), hit)}
    kept: list[str] = []
    for number in range(len(lines)):
        if number in shown:
            kept.append(lines[number])
        elif number in outlines:
            kept += ["", *outlines[number].rstrip("\n").split("\n")[:_MOST_OUTLINE], ""]
    return tuple(kept)


def _used(found: Sequence[Definition], code: str, hit: Sequence[Definition]) -> list[Definition]:
    """The class around the code, and what else of the file it names."""
    owners = {each.parent for each in hit if each.parent}
    words = set(re.findall(r"\w+", code))
    others = [each for each in found if each not in hit and not each.parent]
    around = [each for each in others if each.name in owners]
    return (around + [each for each in others if each.name in words and each.name not in owners])[:_MOST_USED]
