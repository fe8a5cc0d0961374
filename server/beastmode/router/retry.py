"""Whether, and after how long, the same model is asked again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import Disposition, Rejected
from beastmode.domain.request import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.domain.errors import AttemptFailed

TRIES = 3
BASE_S, CAP_S = 0.25, 4.0
LONGEST_RETRY_AFTER_S = 5.0
"""A model that wants to be left alone for longer is left alone: another one is asked."""
PASSING = frozenset((408, 429, 500, 502, 503, 504, 529))
"""Statuses that a second request may well not meet."""


def pause(error: AttemptFailed, tries: int, task: Task, random: Callable[[], float]) -> float | None:
    """Seconds to wait before the next try at the same model; None: do not try it again.

    Full jitter (uniform between 0 and an exponentially growing bound), so that many clients of one recovering server do
    not come back together; https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. What the server
    asks for in Retry-After is a lower bound.

    Args:
        error: of the last try.
        tries: made so far at this model.
        task: while typing nothing is repeated, for the next keystroke is the second try.
        random: uniform in [0, 1).
    """
    if error.disposition is not Disposition.RETRY or tries >= TRIES or task is Task.INLINE:
        return None
    if isinstance(error, Rejected) and error.status not in PASSING:
        return None
    asked = error.retry_after or 0.0
    if asked > LONGEST_RETRY_AFTER_S:
        return None
    return asked + random() * min(CAP_S, BASE_S * (1 << tries))
