"""How soon each model begins to answer, from its own answers; hedging and the limits of a try go by it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome

if TYPE_CHECKING:
    from beastmode.domain.routing import Attempt

ENOUGH = 20
"""Answers before a quantile is believed."""
KEPT = 64


class Latencies:
    """The last answers' times to their first text, apart for completing code and for all else.

    An observer of the router.
    """

    def __init__(self) -> None:
        self._of: dict[tuple[str, bool], deque[float]] = {}

    async def observe(self, attempt: Attempt) -> None:
        """Take note of an answer that began.

        One that was broken off before would have begun later, so only a long wait says anything. Without it a model
        would look faster with each race that it loses, and be raced ever more often.
        """
        if attempt.cached or attempt.outcome is Outcome.FAILED:
            return
        seconds = attempt.first_token_s
        if seconds is None:
            seconds, usual_s = attempt.total_s - attempt.queue_s, self.p95(attempt.model, attempt.task)
            if usual_s is None or seconds <= usual_s:
                return
        key = (attempt.model, attempt.task is Task.INLINE)
        self._of.setdefault(key, deque(maxlen=KEPT)).append(seconds)

    def p95(self, model_id: str, task: Task) -> float | None:
        """Seconds within which 19 of 20 answers began (nearest rank); None where there are too few to tell."""
        seen = self._of.get((model_id, task is Task.INLINE), ())
        return sorted(seen)[-(-95 * len(seen) // 100) - 1] if len(seen) >= ENOUGH else None
