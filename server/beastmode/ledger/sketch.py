"""How long things took, as a histogram that is small, can be merged, and answers quantiles to within 1 %.

The boundaries of the bins are powers of one number, so that every value in a bin is within 1 % of the bin's middle,
and they are the same for everybody, so that merging is adding. That is the mapping of DDSketch (Masson et al., VLDB
2019) without its collapsing: from a microsecond to eleven days there are fewer than 1,400 bins, so nothing needs to
collapse. The library `ddsketch` keeps its bins as floats and can be stored only through protobuf; here a sketch is
kept as the bytes that stand in the database, because each try changes one bin of one sketch.

The bytes: for each bin that is not empty, in the order of the bins, its number (2 bytes) and its count (4 bytes),
little-endian.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, log
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCURACY = 0.01
"""The largest relative error of a quantile."""
SHORTEST, LONGEST = 1e-6, 1e6
"""Seconds; what lies outside counts as the nearer of the two."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_SCALE = 1 / log(_GROWTH)
_MIDDLE = 2 / (_GROWTH + 1)
_BIN = Struct("<HI")
_LARGEST_COUNT = 2**32 - 1


def bin_of(seconds: float) -> int:
    """The number of the bin that holds a time; what is not a number counts as the shortest."""
    if not seconds > SHORTEST:
        return 0
    return ceil(log(min(seconds, LONGEST) / SHORTEST) * _SCALE)


def middle_of(number: int) -> float:
    """The seconds that stand for a bin: no value in it is further away than ACCURACY."""
    return SHORTEST * _GROWTH**number * _MIDDLE if number else SHORTEST


def added(sketch: bytes, seconds: float | None) -> bytes:
    """The sketch with one more time in it; as it was where there is none."""
    if seconds is None:
        return sketch
    number = bin_of(seconds)
    size = _BIN.size
    at = bisect_left(range(len(sketch) // size), number, key=lambda n: _BIN.unpack_from(sketch, n * size)[0]) * size
    if at < len(sketch):
        found, count = _BIN.unpack_from(sketch, at)
        if found == number:
            return sketch[:at] + _BIN.pack(number, min(count + 1, _LARGEST_COUNT)) + sketch[at + size :]
    return sketch[:at] + _BIN.pack(number, 1) + sketch[at:]


class Sketch:
    """Many sketches, or times, being added up.

    Args:
        stored: sketches as bytes.
    """

    __slots__ = ("_counts",)

    def __init__(self, stored: Iterable[bytes] = ()) -> None:
        self._counts: dict[int, int] = {}
        for sketch in stored:
            self.merge(sketch)

    def add(self, seconds: float | None) -> None:
        """Count one time, if there is one."""
        if seconds is None:
            return
        number = bin_of(seconds)
        self._counts[number] = self._counts.get(number, 0) + 1

    def merge(self, stored: bytes) -> None:
        """Count all that a stored sketch holds."""
        counts = self._counts
        for number, count in _BIN.iter_unpack(stored):
            counts[number] = counts.get(number, 0) + count

    def absorb(self, other: Sketch) -> None:
        """Count all that another one holds."""
        for number, count in other._counts.items():
            self._counts[number] = self._counts.get(number, 0) + count

    @property
    def count(self) -> int:
        """How many times it holds."""
        return sum(self._counts.values())

    def quantile(self, q: float) -> float | None:
        """Seconds that the share `q` (0 to 1) of the times did not exceed, by nearest rank; None where it is empty."""
        rank = max(1, ceil(q * self.count))
        seen = 0
        for number in sorted(self._counts):
            seen += self._counts[number]
            if seen >= rank:
                return middle_of(number)
        return None

    def mean(self) -> float | None:
        """Their average in seconds, as exact as a quantile is; None where it is empty."""
        count = self.count
        return sum(middle_of(number) * times for number, times in self._counts.items()) / count if count else None

    def stored(self) -> bytes:
        """As bytes."""
        return b"".join(_BIN.pack(number, min(count, _LARGEST_COUNT)) for number, count in sorted(self._counts.items()))
