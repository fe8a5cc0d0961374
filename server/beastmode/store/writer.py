"""The one thread that writes. What queues up while a transaction runs goes into the next one, together.

A commit costs the same for one row as for fifty, so the busier it gets, the cheaper a write becomes.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from beastmode.store.faults import Interrupted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.store.connection import Connection
    from beastmode.store.engine import Engine

Statement = tuple[str, "Sequence[object] | Mapping[str, object]"]
"""SQL, and its parameters by position or by name."""


_TRIES = 5  # of a transaction that the database breaks off


@dataclass(frozen=True, slots=True)
class _Write:
    """What writes the rows that belong together, and the future of whoever waits for it."""

    work: Callable[[Connection], object]
    done: asyncio.Future[None]


class Writer:
    """Owns the engine's writing connection from here on, and closes it.

    Args:
        engine: writes.
        loop: where the callers wait.
    """

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._stopped: asyncio.Future[None] = loop.create_future()
        # Daemon: a program that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._run, name="beastmode-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], object]) -> asyncio.Future[None]:
        """Queue a unit; the future is done after its COMMIT. Cancelling it does not unqueue it.

        The work runs in this thread, within a transaction that it must neither commit nor roll back, and a second time
        where a neighbour in the same transaction failed.
        """
        done = self._loop.create_future()
        self._queue.put(_Write(work, done))
        return done

    async def stop(self) -> None:
        """Write what is queued, then close the connection."""
        self._queue.put(None)
        await self._stopped

    def _run(self) -> None:
        more = True
        while more:
            writes, more = self._take()
            if writes:
                self._tell(writes, self._commit(writes))
        self._engine.close_writer()
        self._call(self._announce_stop)

    def _take(self) -> tuple[list[_Write], bool]:
        """All that is queued (waiting for the first), and whether more may come."""
        writes: list[_Write] = []
        with suppress(Empty):
            while True:
                write = self._queue.get(block=not writes)
                if write is None:
                    return writes, False
                writes.append(write)
        return writes, True

    def _commit(self, writes: list[_Write]) -> list[Exception | None]:
        """Write all in one transaction; if that fails, each in its own, so that a bad one harms no neighbour."""
        for _ in range(_TRIES):
            try:
                connection = self._engine.begin()
            except Exception as error:  # noqa: BLE001 - belongs to the callers, not to this thread
                return [error] * len(writes)
            try:
                for write in writes:
                    write.work(connection)
                self._engine.commit()
            except Interrupted as error:
                failure: Exception = error
            except Exception as error:  # noqa: BLE001 - the same
                self._engine.rollback()
                if len(writes) == 1:
                    return [error]
                return [self._commit([write])[0] for write in writes]
            else:
                return [None] * len(writes)
        return [failure] * len(writes)

    def _tell(self, writes: list[_Write], failures: list[Exception | None]) -> None:
        def resolve() -> None:
            for write, failure in zip(writes, failures, strict=True):
                if write.done.done():
                    continue  # its caller went away; the row is written all the same
                if failure is None:
                    write.done.set_result(None)
                else:
                    write.done.set_exception(self._engine.failure(failure))

        self._call(resolve)

    def _announce_stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _call(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)
