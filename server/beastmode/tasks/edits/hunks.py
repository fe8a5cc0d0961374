"""Puts the hunks of one file together. Each is looked for in the file as it was, then in what came of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.tasks.edits.change import join, split
from beastmode.tasks.edits.errors import CannotApply, shown
from beastmode.tasks.edits.locate import Haystack, Several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.edits.change import Hunk
    from beastmode.tasks.edits.locate import Found

_SHOWN_AROUND = 12
_MOST_SHOWN = 60
_LONGEST_SHOWN = 300


def applied(path: str, text: str, hunks: Sequence[Hunk]) -> str:
    """The text with all hunks in it.

    Raises:
        CannotApply: one of them has no place in it, or more than one.
    """
    state = _State(path, split(text))
    ends = text.endswith("\n") or not text
    for hunk in hunks:
        is_last = state.add(hunk)
        if is_last and hunk.ends_in_newline is not None:
            ends = hunk.ends_in_newline
    return join(state.settled(), ends_in_newline=ends)


class _State:
    """The lines of a file, and what was found in them so far but not put in yet."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self._path = path
        self._hay = Haystack(lines)
        self._found: list[Found] = []

    def add(self, hunk: Hunk) -> bool:
        """Find the place of one more; whether that is the end of the file."""
        if not hunk.old:
            self._insert(hunk)
            return True
        found = self._hay.find(hunk)
        if (found is None or self._overlaps(found)) and self._found:
            self._hay = Haystack(self.settled())
            found = self._hay.find(hunk)
        if found is None:
            raise _not_there(self._path, hunk, self._hay)
        if isinstance(found, Several):
            raise _ambiguous(self._path, hunk, found)
        self._found.append(found)
        return found.end == len(self._hay.lines)

    def settled(self) -> list[str]:
        """The lines with everything put in that was found; nothing is waiting any more."""
        lines: list[str] = []
        at = 0
        for found in sorted(self._found, key=lambda each: (each.start, each.end)):
            lines += self._hay.lines[at : found.start]
            lines += found.new
            at = found.end
        lines += self._hay.lines[at:]
        self._found = []
        return lines

    def _insert(self, hunk: Hunk) -> None:
        """Lines with nothing around them belong into an empty file only."""
        if self._hay.lines or self._found:
            raise CannotApply(
                f"The edit in line {hunk.at} of the answer adds lines to {self._path} but does not say where",
                "Quote a few lines of the file before and after the new ones.",
                path=self._path,
            )
        self._hay = Haystack(hunk.new)

    def _overlaps(self, found: Found | Several) -> bool:
        if isinstance(found, Several):
            return False
        return any(found.start < other.end and other.start < found.end for other in self._found)


def _not_there(path: str, hunk: Hunk, hay: Haystack) -> CannotApply:
    old = [line for line in hunk.old if line.strip()]
    known = {line.strip() for line in hay.lines}
    strange = next((line for line in old if line.strip() not in known), "")
    if hay.where([line for line in hunk.new if line.strip()][:_MOST_SHOWN]) and hunk.new != hunk.old:
        why = "the new lines are there already"
    elif strange:
        why = f"`{shown(strange.strip())}` is nowhere in it"
    else:
        why = "all of them stand in it, but not together like this" if old else "the edit quotes empty lines only"
    near = _near(old, hay.lines)
    advice = (
        "Copy the lines to be replaced exactly from the file, without leaving any out."
        if not near
        else f"Copy the lines to be replaced exactly from the file. It now reads around there:\n\n{near}\n"
    )
    return CannotApply(
        f"The lines to replace are not in {path}: {why} (edit in line {hunk.at} of the answer)", advice, path=path
    )


def _near(old: Sequence[str], lines: Sequence[str]) -> str:
    """The part of the file that most of the lines come from; '' where none of them does."""
    wanted = {line.strip() for line in old}
    hits = [number for number, line in enumerate(lines) if line.strip() in wanted]
    if not hits:
        return ""
    size = min(len(old) + _SHOWN_AROUND, _MOST_SHOWN)
    best = first = count = 0
    for last, number in enumerate(hits):
        while number - hits[first] > size:
            first += 1
        if last - first + 1 > count:
            best, count = hits[first], last - first + 1
    start = max(best - _SHOWN_AROUND // 2, 0)
    return "\n".join(line[:_LONGEST_SHOWN] for line in lines[start : start + size + _SHOWN_AROUND // 2])


def _ambiguous(path: str, hunk: Hunk, found: Several) -> CannotApply:
    places = ", ".join(str(number + 1) for number in found.places[:5])
    return CannotApply(
        f"The lines to replace stand more than once in {path}: lines {places} (edit in line {hunk.at} of the answer)",
        "Quote more lines around the change, so that they are found in one place only.",
        path=path,
    )
