"""Several answers to one question, for a user who asked: the best first, the others as far as they differ."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.completion.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from beastmode.completion.engine import Answer

SHORTEST_WAIT_S = 0.5
"""Seconds that the others have, from the first answer on, however fast that one was."""


async def candidates(
    first: Coroutine[None, None, Answer], others: Sequence[Coroutine[None, None, Answer]], clock: Callable[[], float]
) -> Answer:
    """The first answer, with what the others suggest besides.

    The others may take as long again as the first took; what has not come by then is stopped. Where the first one was
    superseded, so are they.

    Args:
        first: the answer that counts; its reason and its error are the result's.
        others: asked at the same time.
        clock: seconds.
    """
    began = clock()
    best = asyncio.create_task(first)
    rest = [asyncio.create_task(other) for other in others]
    try:
        answer = await best
        if answer.reason == Reason.SUPERSEDED:
            return answer
        if rest:
            await asyncio.wait(rest, timeout=max(SHORTEST_WAIT_S, clock() - began))
    finally:
        for task in (best, *rest):
            task.cancel()
        await asyncio.gather(best, *rest, return_exceptions=True)
    found = {suggestion.text: suggestion for suggestion in answer.suggestions}
    for task in rest:
        if not task.cancelled() and task.exception() is None:
            for suggestion in task.result().suggestions:
                found.setdefault(suggestion.text, suggestion)
    return replace(answer, suggestions=tuple(found.values()), reason="" if found else answer.reason)
