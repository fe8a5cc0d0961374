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
        """Take note of an answer that began."""
        if attempt.first_token_s is not None and attempt.outcome is not Outcome.FAILED and not attempt.cached:
            key = (attempt.model, attempt.task is Task.INLINE)
            self._of.setdefault(key, deque(maxlen=KEPT)).append(attempt.first_token_s)

    def p95(self, model_id: str, task: Task) -> float | None:
        """Seconds within which 19 of 20 answers began (nearest rank); None where there are too few to tell."""
        seen = self._of.get((model_id, task is Task.INLINE), ())
        return sorted(seen)[-(-95 * len(seen) // 100) - 1] if len(seen) >= ENOUGH else None
