"""Sketches of latencies: how exact, how mergeable."""

from __future__ import annotations

from functools import reduce
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.ledger.sketch import ACCURACY, LONGEST, SHORTEST, Sketch, added

times = st.lists(st.floats(SHORTEST, LONGEST), min_size=1, max_size=200)


def sketch_of(seconds: list[float]) -> bytes:
    return reduce(added, seconds, b"")


@settings(max_examples=50)
@given(times, st.floats(0, 1))
def test_a_quantile_is_within_one_percent(seconds: list[float], q: float) -> None:
    """Of the nearest-rank quantile of the values themselves, whatever the values."""
    exact = sorted(seconds)[max(1, ceil(q * len(seconds))) - 1]
    assert Sketch([sketch_of(seconds)]).quantile(q) == pytest.approx(exact, rel=ACCURACY * 1.0001)


@settings(max_examples=50)
@given(times, times, times)
def test_merging_is_adding_in_any_order(a: list[float], b: list[float], c: list[float]) -> None:
    """(a + b) + c = a + (b + c) = all values in one sketch, to the byte."""
    left, right = Sketch([sketch_of(a), sketch_of(b)]), Sketch([sketch_of(b), sketch_of(c)])
    left.merge(sketch_of(c))
    right.absorb(Sketch([sketch_of(a)]))
    assert left.stored() == right.stored() == sketch_of(a + b + c)
    assert left.count == len(a + b + c)


@settings(max_examples=25)
@given(times)
def test_the_bytes_and_the_object_count_the_same(seconds: list[float]) -> None:
    """There are two ways to add a time, one for each place where it is done; they agree."""
    sketch = Sketch()
    for each in seconds:
        sketch.add(each)
    assert sketch.stored() == sketch_of(seconds)


def test_what_lies_outside_counts_as_the_nearest() -> None:
    """Nothing is lost, and nothing overflows: no time, a negative one, an endless one, one that is not a number."""
    sketch = Sketch([sketch_of([0.0, -1.0, float("nan"), float("inf"), 1e300])])
    assert sketch.count == 5
    assert sketch.quantile(0.5) == SHORTEST
    assert sketch.quantile(1) == pytest.approx(LONGEST, rel=ACCURACY)
    assert Sketch().quantile(0.95) is None


def test_an_hour_of_typing_takes_little_room() -> None:
    """A thousand times between 50 ms and 5 s, in less than a page of the database."""
    assert len(sketch_of([0.05 * 100 ** (n / 1000) for n in range(1000)])) < 1500
