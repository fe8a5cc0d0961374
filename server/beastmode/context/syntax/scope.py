"""Where the block that the cursor stands in ends.

A block is what stands between an opener and its closer, or what is indented; at the outermost level it is one
definition, or statements that no blank line divides. What continues the block's statement (`else`, `catch`) belongs
to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.syntax.blocks import BLOCKS, marks_of, outermost
from beastmode.context.syntax.bracketed import bracketed_end
from beastmode.context.syntax.indented import indented_end
from beastmode.context.syntax.piece import Piece

if TYPE_CHECKING:
    from beastmode.context.syntax.piece import Ending

_MOST_TEXT = 8_192
"""Code points before the cursor, and of the text, that are looked at."""


def scope_end(before: str, text: str, after: str, language: str) -> int | None:
    """Where in `text`, inserted between `before` and `after`, the block ends that the cursor stands in.

    The offset of the first code point that stands outside of it: behind the block's closer, or at the line of the
    closer where `after` has one for it. `len(text)` where the block does not end; None without a grammar.
    """
    row = BLOCKS.get(language)
    if row is None:
        return None
    before = before[-_MOST_TEXT:]
    before = before[outermost(before, row.starts) :]
    marks = marks_of(before + text[:_MOST_TEXT], language)
    if marks is None:
        return None
    end: Ending = indented_end if row.indented else bracketed_end
    return end(Piece(before, text, after, language, row, marks))
