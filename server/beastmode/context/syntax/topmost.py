"""The end of what is being written at the outermost level: one definition, or lines that no blank line divides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax.blocks import width

if TYPE_CHECKING:
    from beastmode.context.syntax.piece import Line, Piece

_GOES_ON = re.compile(r"[)\]}{.?:&|+=,*/%<>-](?!/)|(?:extends|implements|where|throws)\b")
"""What a line starts with that continues a statement of the line above."""

_ATTRIBUTE = re.compile(r"@\w|#!?\[|\[|template\b")
"""A line that belongs to the definition below it."""


def topmost_end(piece: Piece) -> int:
    """See `scope_end`; for a cursor that no block encloses."""
    lines = list(piece.lines())
    if piece.line_before.strip():
        first = piece.line_before
    else:
        written = [piece.first, *(line.text for line in lines)]
        first = next((line for line in written if line.strip()), "")
    # Indented and in no block: the block's opener stands above the window.
    return len(piece.text) if width(first) > 0 else _End(piece).find(lines)


class _End:
    """Reads the lines from the cursor's on. `begun`: something other than comments and attributes has been read."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._row = piece.row
        self._begun = False
        self._is_block = False
        self._is_open = False
        """The statement of the line above goes on."""
        self._lead: int | None = None
        """Where the comments and attributes above the next statement start."""

    def find(self, lines: list[Line]) -> int:
        first = self._piece.first
        said = first.strip()
        if said:
            self._begin(said)
        above = said
        for number, line in enumerate(lines):
            if not line.said:
                if self._lead is not None and self._begun:
                    return self._lead
            elif line.is_in_text or line.depth > 0 or line.width > 0:
                self._is_block |= line.is_in_block or (line.depth == 0 and not line.is_in_text)
            elif self._continues(line.said):
                self._is_block |= line.said.startswith("{")
            elif self._begun and (not above or self._is_block or self._opens(line.said, lines, number)):
                return line.start if self._lead is None else self._lead
            elif self._leads(line.said):
                self._lead = line.start if self._lead is None else self._lead
            else:
                self._begin(line.said)
            above = line.said
            self._is_open = self._row.is_terminated and bool(line.said) and not self._is_over(line.said)
        return len(self._piece.text)

    def _begin(self, said: str) -> None:
        if self._leads(said):
            return
        self._begun, self._is_block, self._lead = True, bool(self._row.openers.match(said)), None
        self._is_open = self._row.is_terminated and not self._is_over(said)

    def _leads(self, said: str) -> bool:
        return said.startswith(self._row.comments) or _ATTRIBUTE.match(said) is not None

    def _is_over(self, said: str) -> bool:
        return said.endswith((";", "}")) or self._leads(said) or said.startswith(("<?", "?>", "#"))

    def _continues(self, said: str) -> bool:
        if self._leads(said):
            return False
        return bool(self._is_open or self._row.clauses.match(said) or _GOES_ON.match(said))

    def _opens(self, said: str, lines: list[Line], number: int) -> bool:
        """Whether a line opens a block."""
        below = lines[number + 1].said if number + 1 < len(lines) else ""
        return said.endswith("{") or below.startswith("{") or self._row.openers.match(said) is not None
