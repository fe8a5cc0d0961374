"""The specification's health levels, from what a model's answers showed."""

from __future__ import annotations

import pytest

from beastmode.domain.routing import HealthLevel
from beastmode.router.health import WINDOW_SECONDS, HealthBook, Sample, judge


def samples(good: int, bad: int, seconds: float = 0.5) -> list[Sample]:
    return [Sample(0, ok=False, seconds=1, error="refused")] * bad + [
        Sample(0, ok=True, seconds=seconds, error=None)
    ] * good


@pytest.mark.parametrize(
    ("good", "bad", "seconds", "level"),
    [
        (20, 0, 0.5, HealthLevel.HEALTHY),
        (19, 1, 4.9, HealthLevel.HEALTHY),
        (18, 2, 0.5, HealthLevel.DEGRADED),
        (16, 4, 0.5, HealthLevel.DEGRADED),
        (15, 5, 0.5, HealthLevel.UNHEALTHY),
        (1, 2, 0.5, HealthLevel.UNHEALTHY),
        (20, 0, 5.0, HealthLevel.DEGRADED),
        (20, 0, 10.0, HealthLevel.DEGRADED),
        (20, 0, 10.1, HealthLevel.UNHEALTHY),
    ],
)
def test_levels(good: int, bad: int, seconds: float, level: HealthLevel) -> None:
    """Success above 90 % and latency below 5 s; 80 to 90 % or 5 to 10 s; the rest."""
    health = judge(samples(good, bad, seconds))
    assert health.level is level
    assert bool(health.issues) == (bad > 0 or seconds >= 5)


def test_the_last_failure_is_seen_at_once() -> None:
    """A server that has just gone down is not healthy because it was all morning."""
    health = judge([*samples(19, 0), Sample(0, ok=False, seconds=0, error="connection refused")])
    assert health.level is HealthLevel.DEGRADED
    assert "connection refused" in health.issues


def test_one_failure_is_no_pattern() -> None:
    """A model is not called unhealthy before it has been asked a few times, but the failure is seen."""
    assert judge(samples(0, 1)).level is HealthLevel.DEGRADED
    assert judge(samples(0, 3)).level is HealthLevel.UNHEALTHY


def test_a_level_does_not_flicker() -> None:
    """It falls at once and rises only when the limit is clearly passed."""
    book = HealthBook(lambda: 0.0)
    for sample in samples(18, 2):
        book.recall("m", sample)
    assert book.of("m").level is HealthLevel.DEGRADED
    book.recall("m", Sample(0, ok=True, seconds=0.5, error=None))
    assert judge(book._samples["m"]).level is HealthLevel.HEALTHY
    assert book.of("m").level is HealthLevel.HEALTHY


def test_no_request_no_verdict() -> None:
    """A model that was never asked is neither well nor ill."""
    assert judge([]).level is HealthLevel.UNKNOWN


def test_what_is_long_ago_is_forgotten() -> None:
    """The window slides."""
    now = 0.0
    book = HealthBook(lambda: now)
    for sample in samples(0, 3):
        book.recall("m", sample)
    assert book.of("m").level is HealthLevel.UNHEALTHY
    now = WINDOW_SECONDS + 1
    assert book.of("m").level is HealthLevel.UNKNOWN
