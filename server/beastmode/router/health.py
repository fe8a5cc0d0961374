"""How each model does, from what its own answers showed: no request is ever sent to find out.

Levels are the specification's: healthy is more than 90 % success and less than 5 s; degraded is 80 to 90 %, or 5 to
10 s; unhealthy is less than 80 %, or more than 10 s, or more failures than successes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.routing import Health, HealthLevel, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from beastmode.domain.routing import Attempt

WINDOW_ATTEMPTS = 20
WINDOW_SECONDS = 900.0
HEALTHY_RATE, HEALTHY_SECONDS = 0.9, 5.0
DEGRADED_RATE, DEGRADED_SECONDS = 0.8, 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished try: when it began (Unix seconds), whether it succeeded, how long it took, and what went wrong."""

    at: float
    ok: bool
    seconds: float
    error: str | None


def judge(samples: Iterable[Sample]) -> Health:
    """The level that the samples show, with one sentence for each reason it is not better."""
    seen = list(samples)
    if not seen:
        return Health(HealthLevel.UNKNOWN)
    good = [s for s in seen if s.ok]
    rate = len(good) / len(seen)
    latency = sum(s.seconds for s in good) / len(good) if good else 0.0
    level, issues = HealthLevel.HEALTHY, []
    if rate <= HEALTHY_RATE or latency >= HEALTHY_SECONDS:
        level = HealthLevel.DEGRADED
    if rate < DEGRADED_RATE or latency > DEGRADED_SECONDS:
        level = HealthLevel.UNHEALTHY
    if len(good) < len(seen):
        issues.append(f"{len(seen) - len(good)} of the last {len(seen)} requests failed")
    if latency >= HEALTHY_SECONDS:
        issues.append(f"answers take {latency:.1f} s on average")
    if not seen[-1].ok:
        level = max(level, HealthLevel.DEGRADED, key=list(HealthLevel).index)
        issues.append(seen[-1].error or "the last request failed")
    return Health(level, tuple(issues))


class HealthBook:
    """A sliding window of tries for each model; an observer of the router."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._samples: dict[str, deque[Sample]] = {}

    async def observe(self, attempt: Attempt) -> None:
        """Take note of a finished try; one that the caller broke off says nothing about the model."""
        if attempt.outcome is not Outcome.CANCELLED:
            sample = Sample(attempt.started_at, attempt.outcome is Outcome.OK, attempt.total_s, attempt.error)
            self.recall(attempt.model, sample)

    def recall(self, model_id: str, sample: Sample) -> None:
        """Take note of what is known of a try that somebody else made."""
        self._samples.setdefault(model_id, deque(maxlen=WINDOW_ATTEMPTS)).append(sample)

    def of(self, model_id: str) -> Health:
        """How a model does now."""
        oldest = self._clock() - WINDOW_SECONDS
        return judge(s for s in self._samples.get(model_id, ()) if s.at >= oldest)

    def latency_of(self, model_id: str) -> float | None:
        """Mean seconds of the good answers in the window, None where there are none."""
        good = [s.seconds for s in self._samples.get(model_id, ()) if s.ok]
        return sum(good) / len(good) if good else None
