"""Blocking work beside the event loop: in a thread that can be told to stop, and a lock between processes.

Apart because fetching and starting both need it, and because `asyncio.to_thread` fits neither: its threads cannot be
stopped, and one that hangs (a name lookup without a network) holds up the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

T = TypeVar("T")

_LAST_WORDS_S = 2.0
"""How long a cancelled caller waits for its thread to notice, in seconds."""
_LOCK_POLL_S = 0.2


async def offload(work: Callable[[threading.Event], T]) -> T:
    """Run `work` in a thread of its own and give its result.

    `work` gets an event and returns soon after it is set, which happens when the caller is cancelled. The thread is a
    daemon: one that hangs all the same does not hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()
    stop = threading.Event()

    def succeed(value: T) -> None:
        if not result.done():
            result.set_result(value)

    def fail(error: BaseException) -> None:
        if not result.done():
            result.set_exception(error)

    def run() -> None:
        # A loop that is closed by now has nobody left who waits for the answer.
        with contextlib.suppress(RuntimeError):
            try:
                value = work(stop)
            except BaseException as error:  # noqa: BLE001  # handed to the caller as it is
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, value)

    threading.Thread(target=run, name="beastmode-embedded", daemon=True).start()
    try:
        return await asyncio.shield(result)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([result], timeout=_LAST_WORDS_S)
        if result.done() and not result.cancelled():
            result.exception()  # looked at, so that asyncio does not complain that nobody did
        raise


@asynccontextmanager
async def held(path: Path, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Hold the lock file `path` against every other process; calls `waiting` once if another one has it.

    The system frees the lock when its holder dies, however it dies.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  # 80 ms that a language server's start need not pay

    lock = FileLock(path)
    told = False
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if not told:
                waiting()
                told = True
            await asyncio.sleep(_LOCK_POLL_S)
    try:
        yield
    finally:
        lock.release()
