"""How long a try may take, phase by phase.

A model on this machine's CPU may need half a minute for a long prompt; a hosted one that has been silent for ten
seconds has failed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from beastmode.domain.errors import TimedOut
from beastmode.domain.model import is_loopback, origin_of
from beastmode.domain.request import Task

if TYPE_CHECKING:
    from collections.abc import Awaitable

Result = TypeVar("Result")

READING_TOKENS_S = 15.0
"""Tokens of a prompt that a model on this machine's processor reads in a second, at the least."""
PATIENT = 5.0
"""How many times its usual delay a model may take."""

USAGE_GRACE = 0.25
"""Seconds to wait, after an answer said that it is finished, for the token counts that some servers send behind it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until a try counts as failed: to connect, to the first event, between events, in all."""

    connect: float
    first_token: float
    idle: float
    total: float


def limits_for(url: str, task: Task, usual_s: float | None = None, prompt_tokens: int = 0) -> Limits:
    """The limits for one try at an endpoint.

    Args:
        url: of the endpoint.
        task: what is asked.
        usual_s: seconds within which the model begins 19 of 20 answers, where that is known.
        prompt_tokens: that the model has to read, about.
    """
    local = is_loopback(url)
    first_token = 30.0 if local else 10.0
    if usual_s is not None:
        # A prompt may be much longer than the usual one, and then a model on this machine takes much longer.
        first_token = round(min(max(PATIENT * usual_s, first_token / 2), first_token * 2))
    if local and task is not Task.INLINE:
        first_token += prompt_tokens / READING_TOKENS_S
    return Limits(
        connect=2.0 if local else 5.0,
        first_token=first_token,
        idle=15.0 if local else 10.0,
        total=60.0 if task is Task.INLINE else 600.0,
    )


class Patience:
    """When to stop waiting for the next piece of an answer; begins to run when it is made.

    Args:
        limits: in seconds.
        url: of the endpoint, for the error's text.
    """

    def __init__(self, limits: Limits, url: str) -> None:
        self._limits = limits
        self._url = url
        self._end = monotonic() + limits.total
        self._phase, self._limit = "first_token", limits.first_token
        self._deadline = monotonic() + limits.first_token

    async def wait(self, coming: Awaitable[Result]) -> Result:
        """What is awaited.

        A single one, not a block: a timeout that spans a `yield` would cancel whoever reads the generator.

        Raises:
            TimedOut: it takes too long.
        """
        remaining = min(self._deadline, self._end) - monotonic()
        try:
            async with asyncio.timeout(max(remaining, 0)):
                return await coming
        except TimeoutError:
            late = self._end <= self._deadline
            phase, limit = ("total", self._limits.total) if late else (self._phase, self._limit)
            raise TimedOut(phase, limit, origin_of(self._url)) from None

    def heard(self) -> None:
        """An event came: from now on the limit is the one for silence."""
        self._phase, self._limit = "idle", self._limits.idle
        self._deadline = monotonic() + self._limits.idle

    def finished(self) -> None:
        """The answer is complete; only its token counts may still come."""
        self._deadline = min(self._deadline, monotonic() + USAGE_GRACE)
