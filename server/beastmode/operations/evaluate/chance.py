"""What of a difference may be luck. Pure, seeded, in plain Python: a few hundred holes need no library.

Holes of one file are alike, so a file, not a hole, is what is drawn anew in `interval` and what keeps or changes its
sign in `permutation`: counting each hole as if it stood alone would make every interval too narrow.
"""

from __future__ import annotations

from math import comb, sqrt
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

DRAWS = 2000
"""Of a bootstrap or a permutation: the 2.5 % at each end then stand on fifty draws."""
Z = 1.959963984540054
"""The standard normal distribution's 97.5 % point."""
EXACT_BELOW = 16
"""With fewer files than this every pattern of signs is tried: 32,768 of them at most."""


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


def interval(values: Sequence[float], groups: Sequence[Hashable], seed: int = 0) -> Interval:
    """The mean and its percentile bootstrap interval, drawn by group.

    B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 8 and 13. Where all values are the
    same there is nothing to draw: rates of 0 and 1 then get Wilson's interval, anything else itself.

    Args:
        values: one a hole, at least one.
        groups: the file of each.
        seed: for the draws.
    """
    mean = sum(values) / len(values)
    if len(set(values)) == 1:
        return (
            Interval(mean, *wilson(round(sum(values)), len(values))) if mean in {0, 1} else Interval(mean, mean, mean)
        )
    sums = list(_sums(values, groups).values())
    random, means = Random(seed), []  # noqa: S311 - statistics, not secrets
    for _ in range(DRAWS):
        drawn = random.choices(sums, k=len(sums))
        means.append(sum(total for total, _ in drawn) / sum(count for _, count in drawn))
    means.sort()
    return Interval(mean, quantile(means, 0.025), quantile(means, 0.975))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a rate (E. B. Wilson, JASA 22, 1927); sensible where nothing was hit, too."""
    rate, spread = hits / of, Z * Z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = Z * sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def mcnemar(only_one: int, only_other: int) -> float:
    """The exact two-sided p of McNemar's test: could a fair coin have split the disagreements so?

    Q. McNemar, Psychometrika 12 (1947); the binomial form, as the usual chi-square needs more disagreements than a
    small run has.

    Args:
        only_one: holes that the first got right and the second did not.
        only_other: the other way round.
    """
    split = only_one + only_other
    tail = sum(comb(split, hits) for hits in range(min(only_one, only_other) + 1))
    return min(1.0, 2 * tail / (1 << split))


def permutation(differences: Sequence[float], groups: Sequence[Hashable], seed: int = 0) -> float:
    """The two-sided p of a paired permutation test: how often random signs give a sum at least this far from zero.

    If it made no difference who answered, all of a file's differences might as well have the other sign (R. A. Fisher,
    "The Design of Experiments", 1935, section 21). All patterns are tried where they are few; otherwise drawn, and the
    pattern seen counts as one of the draws, so that p is never zero.
    """
    sums = [total for total, _ in _sums(differences, groups).values() if total]
    if not sums:
        return 1.0
    seen = abs(sum(sums)) - 1e-9  # sums of the same numbers in another order differ by rounding
    if len(sums) < EXACT_BELOW:
        patterns = 1 << len(sums)
        far = sum(
            abs(sum(-each if pattern >> place & 1 else each for place, each in enumerate(sums))) >= seen
            for pattern in range(patterns)
        )
        return far / patterns
    random = Random(seed)  # noqa: S311 - as above
    far = sum(abs(sum(each if random.random() < 0.5 else -each for each in sums)) >= seen for _ in range(DRAWS))  # noqa: PLR2004 - a fair coin
    return (far + 1) / (DRAWS + 1)


def holm(chances: Mapping[str, float]) -> dict[str, float]:
    """The same p values, raised for there being several: below 0.05 still means less than 5 % over all of them.

    S. Holm, Scandinavian Journal of Statistics 6 (1979): the smallest times their number, the next times one less ...
    """
    raised, most = {}, 0.0
    for rank, (name, chance) in enumerate(sorted(chances.items(), key=lambda each: each[1])):
        most = max(most, min(1.0, chance * (len(chances) - rank)))
        raised[name] = most
    return raised


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value below which that part of an ascending sequence lies, between neighbours where it falls between them."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _sums(values: Iterable[float], groups: Iterable[Hashable]) -> dict[Hashable, tuple[float, int]]:
    """The sum and the number of each group's values, in the order of first sight."""
    sums: dict[Hashable, tuple[float, int]] = {}
    for value, group in zip(values, groups, strict=True):
        total, count = sums.get(group, (0.0, 0))
        sums[group] = (total + value, count + 1)
    return sums
