"""Finds the lines of a hunk in a file: exactly first, then with less and less faith, and only ever in one place.

Meaning is never guessed: lines that are to be taken away must be there, and where two places fit equally well neither
is taken. What may differ is form: blanks at the ends of lines, the indentation of the whole, and context that the model
remembers from an older state of the file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from beastmode.tasks.edits.change import Hunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_PLACES = 50
_MOST_STALE_LINES = 400
_TAB_WIDTHS = (4, 2, 8, 3)


@dataclass(frozen=True, slots=True)
class Found:
    """`lines[start:end]` of the file become `new`."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """The same lines stand in several places: the numbers of their first lines, from zero."""

    places: tuple[int, ...]


class Haystack:
    """The lines of a file, ready to be searched in often."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def find(self, hunk: Hunk) -> Found | Several | None:
        """The one place where a hunk belongs; None where there is none."""
        old = hunk.old
        if not old:
            return None
        for attempt in (self._exact, self._unpadded, self._shifted, self._stale, self._trimmed):
            if found := attempt(hunk, old):
                return _unique(found, hunk.line if attempt in {self._exact, self._unpadded} else None)
            if not any(map(str.strip, old)):
                break  # empty lines are not worth a closer look
        return None

    def where(self, lines: Sequence[str]) -> list[int]:
        """Where these very lines stand."""
        return _places(self._text, _joined(lines), len(lines), len(self.lines)) if lines else []

    @cached_property
    def _text(self) -> str:
        return _joined(self.lines)

    @cached_property
    def _unpadded_text(self) -> str:
        return _joined([line.rstrip() for line in self.lines])

    @cached_property
    def _stripped_text(self) -> str:
        return _joined([line.strip() for line in self.lines])

    @cached_property
    def _by_line(self) -> dict[str, list[int]]:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for number, line in enumerate(self.lines):
            places[line.rstrip()].append(number)
        return places

    def _exact(self, hunk: Hunk, old: Sequence[str]) -> list[Found]:
        return [self._at(start, hunk) for start in self.where(old)]

    def _unpadded(self, hunk: Hunk, old: Sequence[str]) -> list[Found]:
        needle = _joined([line.rstrip() for line in old])
        return [self._at(start, hunk) for start in _places(self._unpadded_text, needle, len(old), len(self.lines))]

    def _shifted(self, hunk: Hunk, old: Sequence[str]) -> list[Found]:
        needle = _joined([line.strip() for line in old])
        found = []
        for start in _places(self._stripped_text, needle, len(old), len(self.lines)):
            shift = _shift(old, self.lines[start : start + len(old)])
            added = [line for sign, line in hunk.lines if sign == "+"]
            moved = [shift(line) for line in added] if shift else [None]
            if None not in moved:
                found.append(self._at(start, hunk, [line for line in moved if line is not None]))
        return found

    def _stale(self, hunk: Hunk, old: Sequence[str]) -> list[Found]:
        """Where the lines to be taken away stand, and at least half of those around them."""
        needed = _needed(hunk)
        if not needed or len(old) > _MOST_STALE_LINES:
            return []
        plain = [line.rstrip() for line in old]
        anchor = min(needed, key=lambda number: len(self._by_line.get(plain[number], ())))
        places = self._by_line.get(plain[anchor], [])
        if len(places) > _MOST_PLACES:
            return []
        scored: list[tuple[int, int]] = []
        for start in (place - anchor for place in places):
            same = {number for number, line in enumerate(plain) if self._has(start + number, line)}
            score = sum(1 for number in same if plain[number])
            if needed <= same and score >= max(2, sum(map(bool, plain)) / 2):
                scored.append((score, start))
        best = max(scored, default=(0, 0))[0]
        return [self._at(start, hunk) for score, start in scored if score == best]

    def _trimmed(self, hunk: Hunk, old: Sequence[str]) -> list[Found]:
        """The changed lines with one line of context on each side: what is farther off may have grown or shrunk."""
        changed = [number for number, (sign, _) in enumerate(hunk.lines) if sign != " "]
        if not changed:
            return []
        core = Hunk(hunk.lines[max(changed[0] - 1, 0) : changed[-1] + 2])
        meaningful = [line for line in core.old if line.strip()]
        if len(meaningful) < 2 or len(core.old) == len(old):  # noqa: PLR2004 - one line alone is no place
            return []
        return self._unpadded(core, core.old)

    def _has(self, number: int, line: str) -> bool:
        return 0 <= number < len(self.lines) and self.lines[number].rstrip() == line

    def _at(self, start: int, hunk: Hunk, added: Sequence[str] | None = None) -> Found:
        """What becomes of the lines at a place: kept ones stay as the file has them."""
        fresh = iter(added if added is not None else [line for sign, line in hunk.lines if sign == "+"])
        number, new = start, []
        for sign, _ in hunk.lines:
            if sign == "+":
                new.append(next(fresh))
                continue
            if sign == " " and 0 <= number < len(self.lines):
                new.append(self.lines[number])
            number += 1
        return Found(max(start, 0), min(number, len(self.lines)), tuple(new))


def _unique(found: Sequence[Found], hint: int | None) -> Found | Several:
    if len(found) > 1:
        found = [each for each in found if each.start == hint] or found
    return found[0] if len(found) == 1 else Several(tuple(each.start for each in found))


def _joined(lines: Sequence[str]) -> str:
    return "\n" + "\n".join(lines) + "\n"


def _places(text: str, needle: str, length: int, most: int) -> list[int]:
    """The numbers of the lines where a needle of whole lines begins in a text of whole lines."""
    found: list[int] = []
    at, number, counted = text.find(needle), 0, 0
    while at >= 0 and len(found) < _MOST_PLACES:
        number += text.count("\n", counted, at)
        counted = at
        if number + length <= most:
            found.append(number)
        at = text.find(needle, at + 1)
    return found


def _needed(hunk: Hunk) -> set[int]:
    """Which old lines must be there: those that go, and the neighbours of lines that are only put in."""
    needed: set[int] = set()
    number = 0
    for at, (sign, _) in enumerate(hunk.lines):
        if sign == "-":
            needed.add(number)
        if sign == "+":
            is_alone = "-" not in {each for each, _ in hunk.lines[max(at - 1, 0) : at + 2]}
            if is_alone:
                needed |= {near for near in (number - 1, number) if 0 <= near < len(hunk.old)}
            continue
        number += 1
    return needed


def _shift(old: Sequence[str], lines: Sequence[str]) -> Callable[[str], str | None] | None:
    """How to indent a line of the model as the file does, where all of its lines differ in the same way."""
    pairs = {(_indent(theirs), _indent(ours)) for theirs, ours in zip(old, lines, strict=True) if theirs.strip()}
    theirs, ours = min(pairs, key=lambda pair: len(pair[0]))
    more, less = ours.removesuffix(theirs), theirs.removesuffix(ours)
    if ours.endswith(theirs) and all(more + their == our for their, our in pairs):
        return partial(_with, indent=more)
    if theirs.endswith(ours) and all(their == less + our for their, our in pairs):
        return partial(_without, indent=less)
    for width in _TAB_WIDTHS:
        if all(our.replace("\t", " " * width) == their and set(our) <= {"\t"} for their, our in pairs):
            return partial(_tabbed, width=width)
        if all(their.replace("\t", " " * width) == our and set(their) <= {"\t"} for their, our in pairs):
            return partial(_spaced, width=width)
    return None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _with(line: str, indent: str) -> str | None:
    return indent + line if line.strip() else line


def _without(line: str, indent: str) -> str | None:
    if not line.strip():
        return line
    return line.removeprefix(indent) if line.startswith(indent) else None


def _tabbed(line: str, width: int) -> str | None:
    indent = _indent(line)
    if len(indent) % width or "\t" in indent:
        return None if line.strip() else line
    return "\t" * (len(indent) // width) + line[len(indent) :]


def _spaced(line: str, width: int) -> str | None:
    indent = _indent(line)
    return indent.replace("\t", " " * width) + line[len(indent) :]
