"""How each model does, from what its own answers showed: no request is ever sent to find out.

Levels are the specification's: healthy is more than 90 % success and less than 5 s; degraded is 80 to 90 %, or 5 to
10 s; unhealthy is less than 80 %, or more than 10 s, or more failures than successes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from beastmode.domain.routing import Attempt

WINDOW_ATTEMPTS = 20
WINDOW_SECONDS = 900.0
MINIMUM = 3
"""Requests before a model can be called unhealthy: one failure is no pattern."""
HEALTHY_RATE, HEALTHY_SECONDS = 0.9, 5.0
DEGRADED_RATE, DEGRADED_SECONDS = 0.8, 10.0
MARGIN_RATE, MARGIN_SECONDS = 0.02, 0.9
"""How much better than a limit a model must do before its level rises again, so that it does not flicker."""

WORSE = {level: rank for rank, level in enumerate(HealthLevel)}


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished try: when it began (Unix seconds), whether it succeeded, how long it took, and what went wrong."""

    at: float
    ok: bool
    seconds: float
    error: str | None


def judge(samples: Iterable[Sample], *, rising: bool = False) -> Health:
    """The level that the samples show, with one sentence for each reason it is not better.

    Args:
        samples: oldest first.
        rising: hold the samples against the limits that a level must pass to rise.
    """
    seen = list(samples)
    if not seen:
        return Health(HealthLevel.UNKNOWN)
    good = [s for s in seen if s.ok]
    rate = len(good) / len(seen)
    latency = sum(s.seconds for s in good) / len(good) if good else 0.0
    issues = []
    if len(good) < len(seen):
        issues.append(f"{len(seen) - len(good)} of the last {len(seen)} requests failed")
    if latency >= HEALTHY_SECONDS:
        issues.append(f"answers take {latency:.1f} s on average")
    if not seen[-1].ok:
        issues.append(seen[-1].error or "the last request failed")
    level = level_of(rate - MARGIN_RATE, latency / MARGIN_SECONDS) if rising else level_of(rate, latency)
    if not seen[-1].ok and level is HealthLevel.HEALTHY:
        level = HealthLevel.DEGRADED
    if level is HealthLevel.UNHEALTHY and len(seen) < MINIMUM:
        level = HealthLevel.DEGRADED
    return Health(level, tuple(issues))


def level_of(rate: float, latency: float) -> HealthLevel:
    """The specification's level of a share of requests that succeeded (0 to 1) and their average latency (seconds)."""
    if rate < DEGRADED_RATE or latency > DEGRADED_SECONDS:
        return HealthLevel.UNHEALTHY
    if rate <= HEALTHY_RATE or latency >= HEALTHY_SECONDS:
        return HealthLevel.DEGRADED
    return HealthLevel.HEALTHY


class HealthBook:
    """A sliding window of tries for each model; an observer of the router."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._samples: dict[str, deque[Sample]] = {}
        self._shown: dict[str, HealthLevel] = {}

    async def observe(self, attempt: Attempt) -> None:
        """Take note of a finished try.

        One that the caller broke off says nothing about the model, nor does one that was answered from memory; a probe
        may have asked a row that was never saved.
        """
        if attempt.outcome is not Outcome.CANCELLED and not attempt.cached and attempt.task is not Task.PROBE:
            sample = Sample(attempt.started_at, attempt.outcome is Outcome.OK, attempt.total_s, attempt.error)
            self.recall(attempt.model, sample)

    def recall(self, model_id: str, sample: Sample) -> None:
        """Take note of what is known of a try that somebody else made."""
        self._samples.setdefault(model_id, deque(maxlen=WINDOW_ATTEMPTS)).append(sample)

    def of(self, model_id: str) -> Health:
        """How a model does now. A level falls at once and rises only when it is clearly deserved."""
        oldest = self._clock() - WINDOW_SECONDS
        recent = [s for s in self._samples.get(model_id, ()) if s.at >= oldest]
        health, before = judge(recent), self._shown.get(model_id, HealthLevel.UNKNOWN)
        if WORSE[health.level] < WORSE[before]:
            level = min(before, judge(recent, rising=True).level, key=WORSE.__getitem__)
            is_held = level is not health.level
            health = Health(level, (*health.issues, "it has only just recovered") if is_held else health.issues)
        self._shown[model_id] = health.level
        return health
