"""What differs between two texts, line by line: for previews, for editors, and to tell context from change.

Anchors are the lines that stand once on each side, in their longest common order (patience diff); only small gaps
between them are searched closely, so that no two texts take more than about linear time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Tag = Literal["equal", "replace"]
Opcode = tuple[Tag, int, int, int, int]
"""`old[i:i_end]` stays or becomes `new[j:j_end]`; either may be empty in a replacement, not both."""

_SMALL = 10_000
"""Pairs of lines in a gap that is searched closely."""
_DEEPEST = 12


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """The way from one sequence of lines to the other, in order and without gaps; neighbours differ in their tag."""
    joined: list[Opcode] = []
    i = j = 0
    for start, other, size in [*_matches(old, new, range(len(old)), range(len(new)), 0), (len(old), len(new), 0)]:
        if i < start or j < other:
            joined.append(("replace", i, start, j, other))
        if size and joined and joined[-1][0] == "equal":
            _, first, _, first_other, _ = joined.pop()
            joined.append(("equal", first, start + size, first_other, other + size))
        elif size:
            joined.append(("equal", start, start + size, other, other + size))
        i, j = start + size, other + size
    return joined


def _matches(
    old: Sequence[str], new: Sequence[str], here: range, there: range, depth: int
) -> Iterator[tuple[int, int, int]]:
    """Runs of equal lines in order: where on each side, and how long."""
    i, i_end, j, j_end = here.start, here.stop, there.start, there.stop
    head = tail = 0
    while i + head < i_end and j + head < j_end and old[i + head] == new[j + head]:
        head += 1
    if head:
        yield i, j, head
    i, j = i + head, j + head
    while i < i_end - tail and j < j_end - tail and old[i_end - tail - 1] == new[j_end - tail - 1]:
        tail += 1
    i_end, j_end = i_end - tail, j_end - tail
    if i < i_end and j < j_end:
        if (i_end - i) * (j_end - j) <= _SMALL:
            blocks = SequenceMatcher(None, old[i:i_end], new[j:j_end], autojunk=False).get_matching_blocks()
            yield from ((i + a, j + b, size) for a, b, size in blocks if size)
        elif depth < _DEEPEST and (anchors := _anchors(old, new, range(i, i_end), range(j, j_end))):
            for a, b in [*anchors, (i_end, j_end)]:
                yield from _matches(old, new, range(i, a), range(j, b), depth + 1)
                if a < i_end:
                    yield a, b, 1
                i, j = a + 1, b + 1
    if tail:
        yield i_end, j_end, tail


def _anchors(old: Sequence[str], new: Sequence[str], here: range, there: range) -> list[tuple[int, int]]:
    """Lines that stand once on each side, in the longest order that both share."""
    counts, others = Counter(old[at] for at in here), Counter(new[at] for at in there)
    places = {new[at]: at for at in there if others[new[at]] == 1}
    pairs = [(at, places[old[at]]) for at in here if counts[old[at]] == 1 and old[at] in places]
    ends: list[int] = []  # the smallest end of an increasing run of each length
    last: list[int] = []  # whose pair that is
    before: list[int] = []
    for number, (_, at) in enumerate(pairs):
        length = bisect_left(ends, at)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [at]
        last[length : length + 1] = [number]
    found: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]
