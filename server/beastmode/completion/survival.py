"""Whether text that a user took is still there some time later, near where it was put.

A block is compared line by line, a single line word by word; both without what stood around it before, so that text
which was taken out again does not live on in its neighbours.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.completion.showing import Change, Shown

WHOLE = 1000
MOST_LINES = 400
"""Lines that are looked at: where a whole file was rewritten, they are those around the place."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Watched:
    """A text that was taken, and where it is by now.

    Args:
        shown: the suggestion that it comes from.
        at: when it was taken, in Unix seconds.
    """

    def __init__(self, shown: Shown, at: float) -> None:
        self.shown = shown
        self.at = at
        self._line = shown.taken_line
        self._end = self._line + shown.taken.count("\n")
        self._is_vague = False
        self._pieces = [line.strip() for line in shown.taken.split("\n") if line.strip()]
        # What was taken may have made one word with what stood there.
        before, after = shown.around
        self._surroundings = _tokens(before + after)
        self._wanted = _tokens(before + shown.taken + after) - self._surroundings

    def edited(self, change: Change) -> None:
        """The document was edited."""
        line, removed, added = change.line, change.removed, len(change.added)
        if line > self._end:
            return
        step = added - removed
        if line + removed <= self._line:
            self._line += step
            self._end += step
        elif line < self._line and line + removed > self._end:
            # All of it was rewritten, with more above it: where in that it stands now can only be guessed.
            self._is_vague = True
            self._end += max(0, step)
        else:
            self._line, self._end = min(self._line, line), max(self._end + step, line + added - 1)

    def kept(self, lines: Sequence[str]) -> int:
        """Thousandths of it that are still in a document."""
        slack = MOST_LINES // 2 if self._is_vague else 0
        first = max(0, self._line - slack)
        near = lines[first : min(self._end + 1 + slack, first + MOST_LINES)]
        if len(self._pieces) > 1:
            return _lines_kept(self._pieces, near)
        places = near if self._is_vague else [" ".join(near)]
        found = ((self._wanted & (_tokens(place) - self._surroundings)).total() for place in places)
        return _share(max(found, default=0), self._wanted.total())


def _tokens(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(text))


def _lines_kept(pieces: Sequence[str], lines: Sequence[str]) -> int:
    """The first and the last of them may stand beside other text, so each has to be within a line of its own."""
    free = list(lines)
    for piece in pieces:
        found = next((number for number, line in enumerate(free) if piece in line), None)
        if found is not None:
            del free[found]
    return _share(len(lines) - len(free), len(pieces))


def _share(part: int, whole: int) -> int:
    return WHOLE * part // whole if whole else WHOLE
