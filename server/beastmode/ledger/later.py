"""Work that can wait a moment and is done once for many: what must never be on the way of a keystroke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Later:
    """Does its work some time after it was first asked to, and once more at the end.

    Args:
        work: must not raise.
        pause_s: seconds that it waits for more.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        pause_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._work = work
        self._pause_s = pause_s
        self._sleep = sleep
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """There is something to do; on the event loop."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    async def aclose(self) -> None:
        """Do now what there is to do."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._work()

    async def _run(self) -> None:
        while self._wanted:
            await self._sleep(self._pause_s)
            self._wanted = False
            await self._work()
