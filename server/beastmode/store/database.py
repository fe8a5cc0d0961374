"""One SQLite file behind registry, ledger and sessions, shared by several editor windows at once.

Writes go through one thread that groups them; reads have a connection and a thread of their own, so that a long
report never delays a row. Neither ever blocks the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from beastmode.store.faults import StoreError, store_error
from beastmode.store.opening import open_connections
from beastmode.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from beastmode.store.opening import Connections
    from beastmode.store.writer import Statement

Result = TypeVar("Result")


class Database:
    """Made by `open`; belongs to the event loop that opened it.

    Attributes:
        path: the file.
        notices: what the user should be told about opening it, as sentences.
    """

    def __init__(self, path: Path, connections: Connections) -> None:
        self.path = path
        self.notices = connections.notices
        self._writer = Writer(connections.writer, path, asyncio.get_running_loop())
        self._read_connection = connections.reader
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="beastmode-reader")
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open the file, creating, replacing (where damaged) and migrating it as needed.

        Raises:
            StoreError: it cannot be opened, or was written by a newer version, which is left untouched.
        """
        return cls(path, await asyncio.to_thread(open_connections, path))

    async def write(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> None:
        """Run one statement; returns after its COMMIT.

        Raises:
            StoreError: it was not written.
        """
        await self.write_all(((sql, parameters),))

    async def write_all(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction, all or nothing; returns after its COMMIT.

        Raises:
            StoreError: nothing was written.
        """

        def run(connection: sqlite3.Connection) -> None:
            for sql, parameters in statements:
                connection.execute(sql, parameters)

        await self.transact(run)

    async def transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run what reads before it writes as one transaction; returns what `work` returned, after the COMMIT.

        `work` runs in the writing thread while no other process can write. It must neither commit nor roll back, keep
        nothing outside the connection (it runs again where a neighbour in its transaction failed), and be quick.

        Raises:
            StoreError: nothing was written.
        """
        self._require_open()
        results: list[Result] = []
        await self._writer.submit(lambda connection: results.append(work(connection)))
        return results[-1]

    async def read(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        """All rows of a query, as of now.

        Raises:
            StoreError: the query failed.
        """
        return await self.query(lambda connection: connection.execute(sql, parameters).fetchall())

    async def query(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run what reads, and counts what it read, in the reading thread; returns what `work` returned.

        Raises:
            StoreError: the query failed.
        """
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._query, work)

    async def close(self) -> None:
        """Write what is queued, then close the file. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        await self._writer.stop()
        await asyncio.get_running_loop().run_in_executor(self._reader, self._read_connection.close)
        self._reader.shutdown(wait=False)

    def _query(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return work(self._read_connection)
        except (sqlite3.Error, OverflowError, ValueError) as error:
            raise store_error(self.path, error) from error

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"The database {self.path} is closed")
