"""Leaves a model alone that keeps failing: one breaker a model, moved by what its answers showed.

Closed: it is asked. Open: it is not, at no cost, until a pause is over that grows with each probe that fails.
Half-open: one request is let through; its success closes the breaker, its failure opens it for longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.errors import Disposition, Resting
from beastmode.domain.routing import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.domain.errors import AttemptFailed

FAILURES_IN_A_ROW = 3
"""That open a closed breaker. Failures between successes are for the health level to show, not a reason to stop."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
PROBE_LIMIT_S = 120.0
"""A probe that has not come back by then no longer keeps others out."""

THE_REQUESTS_FAULT = frozenset((Disposition.GIVE_UP, Disposition.LARGER))


def resting_error(model_id: str, seconds: float, why: str) -> Resting:
    """Why a resting model is not asked. The seconds stand in the fix: a message that counted would be new each time."""
    return Resting(f"{model_id} is left alone for a while: {why}", f"Wait {seconds:.0f} s, or select another model")


@dataclass(slots=True)
class Breaker:
    """What is known of a model that has failed; times are those of the clock."""

    failures: int = 0
    pauses: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0
    why: str = ""


class Breakers:
    """The breakers of all models.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of: dict[str, Breaker] = {}

    def resting(self, model_id: str) -> tuple[float, str] | None:
        """For how many more seconds a model is left alone, and why; None where it may be asked."""
        breaker = self._of.get(model_id)
        if breaker is None:
            return None
        now = self._clock()
        until = max(breaker.open_until, breaker.probe_until)
        return (until - now, breaker.why) if until > now else None

    def begin(self, model_id: str) -> bool:
        """A model is about to be asked; True where its pause is just over, and that request is the probe."""
        breaker, now = self._of.get(model_id), self._clock()
        if breaker is None or not breaker.pauses or breaker.probe_until > now:
            return False
        breaker.probe_until = now + PROBE_LIMIT_S
        return True

    def forget(self) -> None:
        """The rows or the keys have changed: what was wrong with them may be mended."""
        self._of.clear()

    def end(self, model_id: str, outcome: Outcome, error: AttemptFailed | None, *, was_probe: bool = True) -> None:
        """A try is over. A cancelled one shows nothing; a request that was itself at fault shows a living server."""
        if error is not None and error.disposition not in THE_REQUESTS_FAULT:
            self._failed(self._of.setdefault(model_id, Breaker()), error)
        elif outcome is not Outcome.OK and error is None:  # cancelled, or a fault of our own
            breaker = self._of.get(model_id)
            if breaker is not None and was_probe:
                breaker.probe_until = 0.0
        else:
            self._of.pop(model_id, None)

    def _failed(self, breaker: Breaker, error: AttemptFailed) -> None:
        breaker.failures += 1
        breaker.probe_until = 0.0
        breaker.why = error.message
        now = self._clock()
        wait = error.retry_after or 0.0
        if breaker.pauses or breaker.failures >= FAILURES_IN_A_ROW:
            if not breaker.pauses or now >= breaker.open_until:  # tries that fail together are one reason to pause
                breaker.pauses += 1
            wait = max(wait, min(FIRST_PAUSE_S * 2 ** (breaker.pauses - 1), LONGEST_PAUSE_S))
        breaker.open_until = max(breaker.open_until, now + wait)
