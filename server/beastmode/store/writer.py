"""The one thread that writes. What queues up while a transaction runs goes into the next one, together.

A commit costs the same for one row as for fifty, so the busier it gets, the cheaper a write becomes.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from beastmode.store.faults import store_error
from beastmode.store.opening import patiently

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Statement = tuple[str, "Sequence[object] | Mapping[str, object]"]
"""SQL, and its parameters by position or by name."""


@dataclass(frozen=True, slots=True)
class _Write:
    """What writes the rows that belong together, and the future of whoever waits for it."""

    work: Callable[[sqlite3.Connection], object]
    done: asyncio.Future[None]


class Writer:
    """Owns the writing connection from here on, and closes it.

    Args:
        connection: in autocommit mode; transactions are ours.
        path: named in errors.
        loop: where the callers wait.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._path = path
        self._loop = loop
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._stopped: asyncio.Future[None] = loop.create_future()
        # Daemon: a program that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._run, name="beastmode-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], object]) -> asyncio.Future[None]:
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
        with suppress(sqlite3.Error):
            self._connection.close()
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
        try:
            patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"))
        except sqlite3.Error as error:
            return [error] * len(writes)
        try:
            for write in writes:
                write.work(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever a statement raises belongs to its caller, not to this thread
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            if len(writes) == 1:
                return [error]
            return [self._commit([write])[0] for write in writes]
        return [None] * len(writes)

    def _tell(self, writes: list[_Write], failures: list[Exception | None]) -> None:
        def resolve() -> None:
            for write, failure in zip(writes, failures, strict=True):
                if write.done.done():
                    continue  # its caller went away; the row is written all the same
                if failure is None:
                    write.done.set_result(None)
                else:
                    write.done.set_exception(store_error(self._path, failure))

        self._call(resolve)

    def _announce_stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _call(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)
