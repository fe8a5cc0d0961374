"""A second model is asked when the first is later than it usually is; the first good answer wins, the other is stopped.

The idea is from Dean and Barroso, "The Tail at Scale" (2013): waiting for the 95th percentile keeps the extra load at a
twentieth.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beastmode.domain.errors import AttemptFailed, NotAllowed
from beastmode.domain.response import Finished, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.response import StreamEvent


async def hedged(
    first: AsyncGenerator[StreamEvent],
    second: Callable[[BeastModeError | None], AsyncGenerator[StreamEvent]],
    after_s: float,
) -> AsyncGenerator[StreamEvent]:
    """The events of whichever answers first.

    Args:
        first: asked at once.
        second: asked when the first has given no text after `after_s` seconds, or has failed by then; told why it
            failed, which it may raise where nobody else should be asked.
        after_s: how long the first may take.

    Raises:
        NotAllowed, AttemptFailed: both failed; the error is the first one's.
    """
    racers: dict[asyncio.Task[list[StreamEvent]], AsyncGenerator[StreamEvent]] = {}
    failure: BeastModeError | None = None
    winner: AsyncGenerator[StreamEvent] | None = None
    try:
        racers[asyncio.ensure_future(_beginning(first))] = first
        limit: float | None = after_s
        while racers and winner is None:
            done, _ = await asyncio.wait(racers, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                answer = racers.pop(task)
                error = task.exception()
                if error is None:
                    winner, begun = answer, task.result()
                    break
                if not isinstance(error, NotAllowed | AttemptFailed):
                    raise error
                failure = error if failure is None or answer is first else failure
            if winner is None and limit is not None:
                limit = None
                another = second(failure)
                racers[asyncio.ensure_future(_beginning(another))] = another
        await _stop(racers)
        if winner is None:
            assert failure is not None, "a race without a winner has a loser"  # noqa: S101 - for the type checker
            raise failure
        for event in begun:
            yield event
        async for event in winner:
            yield event
    finally:
        await _stop(racers)
        if winner is not None:
            await winner.aclose()


async def _beginning(answer: AsyncGenerator[StreamEvent]) -> list[StreamEvent]:
    """The events up to the first text."""
    begun = []
    async for event in answer:
        begun.append(event)
        if isinstance(event, TextDelta | Finished):
            break
    return begun


async def _stop(racers: dict[asyncio.Task[list[StreamEvent]], AsyncGenerator[StreamEvent]]) -> None:
    for task, answer in racers.items():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await answer.aclose()
    racers.clear()
