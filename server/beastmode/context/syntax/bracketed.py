"""The end of a block in languages whose blocks have a closer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beastmode.context.syntax.blocks import Mark, marks_of, width
from beastmode.context.syntax.piece import BLOCK_KINDS, close_or_open
from beastmode.context.syntax.topmost import topmost_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.context.syntax.piece import Piece

_TAIL = re.compile(r"(?:[ \t]*[)\],;])*")
_CHAIN = re.compile(r"[)\]]*\s*\??\.\w")
_MOST_AFTER = 4_096
_DO_WHILE = re.compile(r"\s*while\b[^\n]*")


def bracketed_end(piece: Piece) -> int:
    """See `scope_end`."""
    closer = _closer(piece)
    if any(mark.kind in BLOCK_KINDS for mark in piece.open):
        return closer
    return min(closer, topmost_end(piece))


def _closer(piece: Piece) -> int:
    """Where the text leaves the innermost block that is open at the cursor."""
    here = len(piece.before)
    enclosing, own = list(piece.open), list[Mark]()
    below = _Below(piece)
    clause_opens = False
    for mark in piece.marks.marks:
        if mark.start < here:
            continue
        if mark.opens and clause_opens and not own and mark.kind in BLOCK_KINDS:
            # The block of an `else` takes the place of the one that it follows.
            clause_opens = False
            continue
        if close_or_open(own, mark) is None:
            continue
        own.clear()
        number = next((n for n in range(len(enclosing) - 1, -1, -1) if enclosing[n].kind == mark.kind), None)
        end = _behind(piece, mark, number, below)
        if isinstance(end, int):
            return end - here
        clause_opens = end == "clause"
        if not clause_opens:
            del enclosing[number if number is not None else len(enclosing) :]
    return len(piece.text)


def _behind(piece: Piece, mark: Mark, number: int | None, below: _Below) -> int | Literal["clause", "statement"]:
    """Where the block ends that a closer closes, counted from the start of `before`; or what goes on behind it.

    `number` is the closer's opener among those that are open at the cursor, None where that stands above the window.
    """
    whole = piece.before + piece.text
    is_closed = below.closes(number, mark.kind)
    if mark.kind == "{" and (found := piece.row.clauses.match(whole, mark.end)) is not None:
        is_second = is_closed and found[1] == "else" == below.clause(number)
        if not is_second:
            return "clause"
    opener = piece.line_of(piece.open[number].start) if number is not None else ""
    if opener.lstrip().startswith("do") and (loop := _DO_WHILE.match(whole, mark.end)):
        return loop.end()
    if is_closed:
        return _line_start(whole, mark.start)
    if mark.kind not in BLOCK_KINDS:
        return "statement"
    if number and piece.open[number - 1].kind == "(" and _CHAIN.match(whole, mark.end):
        return "statement"
    tail = _TAIL.match(whole, mark.end)
    return tail.end() if tail else mark.end


def _line_start(whole: str, place: int) -> int:
    """The start of a place's line, where only blanks stand between."""
    start = whole.rfind("\n", 0, place) + 1
    return place if whole[start:place].strip() else start


@dataclass(frozen=True, slots=True)
class _Closing:
    """A closer below the cursor; `width` is its line's indentation where it is the first of it."""

    kind: str
    width: int | None
    clause: str


class _Below:
    """Which of the brackets that are open at the cursor the text behind it closes, on lines below the cursor's.

    What stands right of the cursor on its own line closes something, too, but a suggestion may well type over it.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._found: dict[int, _Closing] | None = None
        self._stray: Sequence[_Closing] = ()

    def closes(self, number: int | None, kind: str) -> bool:
        """Whether the opener of that number is closed; for one above the window, whether such a closer is left."""
        found = self._closed()
        return number in found if number is not None else any(stray.kind == kind for stray in self._stray)

    def clause(self, number: int | None) -> str:
        """What the statement goes on with behind the closer: `else`, or ''."""
        found = self._closed()
        return found[number].clause if number is not None and number in found else ""

    def _closed(self) -> dict[int, _Closing]:
        if self._found is None:
            self._found = self._match()
        return self._found

    def _match(self) -> dict[int, _Closing]:
        piece = self._piece
        after = piece.after[:_MOST_AFTER]
        marks = marks_of(after, piece.language)
        found: dict[int, _Closing] = {}
        line_end = after.find("\n")
        if marks is None or line_end < 0:
            return found
        number = len(piece.open) - 1
        own: list[Mark] = []
        stray = []
        for mark in marks.marks:
            if close_or_open(own, mark) is None:
                continue
            own.clear()
            if mark.start < line_end:
                number -= number >= 0 and piece.open[number].kind == mark.kind
                continue
            closing = _closing(mark, after, piece)
            while number >= 0 and not self._fits(number, closing):
                number -= 1
            if number < 0:
                stray.append(closing)
            elif piece.open[number].kind == mark.kind and not self._is_deeper(number, closing):
                found[number] = closing
                number -= 1
        self._stray = stray
        return found

    def _width(self, number: int) -> int:
        return width(self._piece.line_of(self._piece.open[number].start))

    def _is_deeper(self, number: int, closing: _Closing) -> bool:
        return closing.width is not None and closing.width > self._width(number)

    def _fits(self, number: int, closing: _Closing) -> bool:
        """Whether the closer is the opener's, or closes something deeper; where not, it is unclosed."""
        if self._piece.open[number].kind != closing.kind:
            return False
        return closing.width is None or closing.width >= self._width(number)


def _closing(mark: Mark, after: str, piece: Piece) -> _Closing:
    start = after.rfind("\n", 0, mark.start) + 1
    is_first = not after[start : mark.start].strip()
    clause = piece.row.clauses.match(after, mark.end)
    return _Closing(mark.kind, width(after[start:]) if is_first else None, clause[1] if clause else "")
