"""The one database behind registry, ledger and sessions: a SQLite file for a person, PostgreSQL for a team.

Writes go through one thread that groups them; reads have connections and threads of their own, so that a long report
never delays a row. Neither ever blocks the event loop.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from beastmode.store.faults import StoreError
from beastmode.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from beastmode.store.connection import Connection, Row
    from beastmode.store.engine import Engine
    from beastmode.store.writer import Statement

Result = TypeVar("Result")


class Database:
    """Made by `open` or `connect`; belongs to the event loop that opened it.

    Attributes:
        name: the file's path, or host, port and name of a PostgreSQL database.
        notices: what the user should be told about opening it, as sentences.
    """

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self.notices = engine.notices
        self._engine = engine
        self._writer = Writer(engine, asyncio.get_running_loop())
        self._readers = ThreadPoolExecutor(engine.readers, thread_name_prefix="beastmode-reader")
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open a SQLite file, creating, replacing (where damaged) and migrating it as needed.

        Raises:
            StoreError: it cannot be opened, or was written by a newer version, which is left untouched.
        """
        from beastmode.store.sqlite import open_file  # noqa: PLC0415 - the one that is needed

        return cls(await asyncio.to_thread(open_file, path))

    @classmethod
    async def connect(cls, url: str) -> Database:
        """Connect to a PostgreSQL database and migrate it as needed.

        Raises:
            StoreError: it cannot be reached, was written by a newer version, or psycopg is not installed.
        """
        try:
            from beastmode.store.postgresql import open_url  # noqa: PLC0415 - an extra that few have
        except ImportError:
            raise StoreError(
                "PostgreSQL needs psycopg, which is not installed", "Run `pip install 'beastmode[postgres]'`"
            ) from None
        return cls(await asyncio.to_thread(open_url, url))

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

        def run(connection: Connection) -> None:
            for sql, parameters in statements:
                connection.execute(sql, parameters)

        await self.transact(run)

    def queue(self, sql: str, parameters: Sequence[object] = ()) -> asyncio.Future[None]:
        """Run one statement behind all that was asked for before, without waiting; the future is done after its COMMIT.

        Raises:
            StoreError: the database is closed; in the future: it was not written.
        """
        self._require_open()
        return self._writer.submit(lambda connection: connection.execute(sql, parameters))

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
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

    async def read(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """All rows of a query, as of now.

        Raises:
            StoreError: the query failed.
        """
        return await self.query(lambda connection: connection.execute(sql, parameters).fetchall())

    async def query(self, work: Callable[[Connection], Result]) -> Result:
        """Run what reads, and counts what it read, in the reading thread; returns what `work` returned.

        Raises:
            StoreError: the query failed.
        """
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, work)

    async def close(self) -> None:
        """Write what is queued, then close the file. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        await self._writer.stop()
        await asyncio.get_running_loop().run_in_executor(self._readers, self._engine.close_readers)
        self._readers.shutdown(wait=False)

    def _query(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return self._engine.read(work)
        except self._engine.errors as error:
            raise self._engine.failure(error) from error

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"The database {self.name} is closed")
