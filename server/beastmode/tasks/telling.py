"""Work that says what it does while it is done, as events of a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from beastmode.tasks.proposal import Doing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Say = Callable[[str], None]

Result = TypeVar("Result")


async def telling(work: Callable[[Say], Awaitable[Result]], results: list[Result]) -> AsyncGenerator[Doing]:
    """What the work says, as it says it; its result is then the last one of `results`, its error is raised.

    Closing it early cancels the work and waits until that has let go of everything.
    """
    said: asyncio.Queue[str | None] = asyncio.Queue()

    async def run() -> Result:
        try:
            return await work(said.put_nowait)
        finally:
            said.put_nowait(None)

    task = asyncio.ensure_future(run())
    try:
        while (text := await said.get()) is not None:
            yield Doing(text)
        results.append(await task)
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # raised above, or nobody is left who would want it
