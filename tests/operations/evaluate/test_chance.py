"""The statistics beside values from textbooks, and what must hold whatever the numbers are."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.operations.evaluate.chance import holm, interval, mcnemar, permutation, quantile, wilson

DARWIN = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)
"""Crossed minus self-fertilised maize in eighths of an inch: the data of Fisher's "Design of Experiments"."""


def test_the_permutation_test_on_fishers_own_data() -> None:
    """Fisher counted 863 of 32,768 patterns on each side."""
    assert permutation(DARWIN, range(15)) == pytest.approx(2 * 863 / 32768)


def test_random_patterns_come_near_to_all_of_them() -> None:
    """With more groups than can be tried one by one, signs are drawn; noise that adds nothing keeps the p value."""
    drawn = permutation((*DARWIN, 1e-7, -1e-7), range(17))
    assert drawn == pytest.approx(2 * 863 / 32768, abs=0.015)


def test_holes_of_one_file_are_one_piece_of_evidence() -> None:
    """Sixteen holes better in one file prove nothing, sixteen in sixteen files do."""
    better = [0.5] * 16
    assert permutation(better, ["one"] * 16) == 1.0
    assert permutation(better, range(16)) < 0.01
    assert permutation([0.0] * 4, range(4)) == 1.0


@pytest.mark.parametrize(
    ("one", "other", "chance"), [(2, 10, 158 / 4096), (10, 2, 158 / 4096), (0, 5, 0.0625), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_is_the_binomial(one: int, other: int, chance: float) -> None:
    """Twice the tail of a fair coin, at most 1."""
    assert mcnemar(one, other) == pytest.approx(chance)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    """Values as printed for Wilson's score interval."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_holms_example() -> None:
    """The example of four p values that every description works through; the order of the names does not matter."""
    raised = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert raised == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


def test_the_bootstrap_agrees_with_the_normal_distribution() -> None:
    """For many independent values the interval is the mean and about two standard errors."""
    random = Random(7)  # noqa: S311  # the same numbers every time
    values = [random.gauss(10, 2) for _ in range(200)]
    mean, low, high = interval(values, range(200), seed=3)
    assert (low - mean, high - mean) == (pytest.approx(-0.277, abs=0.04), pytest.approx(0.277, abs=0.04))
    assert interval(values, range(200), seed=3) == (mean, low, high), "the same seed draws the same"


def test_files_that_differ_widen_the_interval() -> None:
    """Drawn by file, twenty files of five like holes say less than a hundred holes."""
    values = [float(file % 2) for file in range(20) for _ in range(5)]
    by_file = interval(values, [file for file in range(20) for _ in range(5)])
    by_hole = interval(values, range(100))
    assert by_file.high - by_file.low > 1.8 * (by_hole.high - by_hole.low)


def test_nothing_wrong_is_not_nothing_possible() -> None:
    """No hit in ten leaves room for a rate of 28 %."""
    assert interval([0.0] * 10, range(10)) == (0.0, *wilson(0, 10))
    assert interval([0.25] * 3, range(3)) == (0.25, 0.25, 0.25)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-9, 9).map(lambda tenths: tenths / 10), min_size=1, max_size=8), st.integers(0, 3))
def test_what_always_holds(values: list[float], seed: int) -> None:
    """A mean lies in its interval, a p value between 0 and 1, and turning every sign changes nothing."""
    mean, low, high = interval(values, range(len(values)), seed)
    assert low - 1e-9 <= mean <= high + 1e-9
    chance = permutation(values, range(len(values)), seed)
    assert 0 < chance <= 1
    assert permutation([-each for each in values], range(len(values)), seed) == chance


def test_quantiles_lie_between_neighbours() -> None:
    """Half of two values is their middle."""
    assert [quantile([1.0, 3.0], part) for part in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
