"""SQLite: one file for several editor windows. It is made private, checked, replaced if damaged, and migrated."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from beastmode.store.faults import StoreError, is_busy, is_damage, store_error
from beastmode.store.files import private_directory, private_file, set_database_aside
from beastmode.store.migrations import applied_to, migrate, refuse_newer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beastmode.store.connection import Connection

Result = TypeVar("Result")

PATIENCE_S = 15.0
"""How long we wait for another process to release the file."""

_MAGIC = b"SQLite format 3\x00"
_PAGE_SIZES = {(1 << power).to_bytes(2, "big") for power in range(9, 16)} | {b"\x00\x01"}  # the last means 65,536
_CHECKED_BYTES = 16 * 1024 * 1024  # a full check reads the whole file; a large ledger would slow every start


class Sqlite:
    """An open file; see `engine.Engine`.

    Args:
        path: the file.
        writer: a connection in autocommit mode; transactions are ours.
        reader: one that only reads.
        notices: what the user should be told.
    """

    readers = 1
    errors: tuple[type[Exception], ...] = (sqlite3.Error, OverflowError, ValueError)

    def __init__(
        self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection, notices: tuple[str, ...]
    ) -> None:
        self.name = str(path)
        self.notices = notices
        self._writer = writer
        self._reader = reader

    def begin(self) -> Connection:
        """See `Engine.begin`."""
        patiently(lambda: self._writer.execute("BEGIN IMMEDIATE"))
        return self._writer

    def commit(self) -> None:
        """See `Engine.commit`."""
        self._writer.execute("COMMIT")

    def rollback(self) -> None:
        """See `Engine.rollback`."""
        if self._writer.in_transaction:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """See `Engine.read`."""
        return work(self._reader)

    def failure(self, error: Exception) -> StoreError:
        """See `Engine.failure`."""
        return store_error(self.name, error)

    def close_writer(self) -> None:
        """See `Engine.close_writer`."""
        with suppress(sqlite3.Error):
            self._writer.close()

    def close_readers(self) -> None:
        """See `Engine.close_readers`."""
        self._reader.close()


def open_file(path: Path) -> Sqlite:
    """Open the file, making it where it is missing and replacing it where it is damaged. Blocks.

    Raises:
        StoreError: it cannot be opened, or is of a newer version.
    """
    try:
        private_directory(path.parent)
        try:
            opened: tuple[sqlite3.Connection, tuple[str, ...]] = _prepared(path), ()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            opened = _replaced(path, error)
        writer, notices = opened
        try:
            reader = connect(path)
            reader.execute("PRAGMA query_only = ON")
        except BaseException:
            writer.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise store_error(str(path), error) from error
    return Sqlite(path, writer, reader, notices)


class _Joined:
    """`string_agg` of bytes, as PostgreSQL has it; SQLite's own knows only text."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def step(self, *row: Any) -> None:
        self._parts.append(row[0])

    def finalize(self) -> Any:
        return b"".join(self._parts)


def patiently(operation: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Repeat what fails because another process holds the lock; SQLite's own busy timeout does not cover every case."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            operation()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection that understands our SQL; in autocommit mode."""
    # The connections are made in one thread and used in another, but never in two at once.
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_aggregate("string_agg", 2, _Joined)
    return connection


def _prepared(path: Path) -> sqlite3.Connection:
    private_file(path)
    _check_header(path)
    connection = connect(path)
    try:
        refuse_newer(applied_to(connection))
        _check_pages(connection, path)
        patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a removed key leaves no ciphertext in free pages
        patiently(lambda: migrate(connection))
    except BaseException:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Find a broken first page before SQLite does, which would delete the journal beside it as a stale one."""
    with path.open("rb") as file:
        header = file.read(20)
    if not header:
        return  # new
    page_size, versions = header[16:18], header[18:20]
    if not header.startswith(_MAGIC) or page_size not in _PAGE_SIZES or not set(versions) <= {1, 2}:
        raise _damage("file is not a database", sqlite3.SQLITE_NOTADB)


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > _CHECKED_BYTES:
        return
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _damage(verdict, sqlite3.SQLITE_CORRUPT)


def _damage(reason: str, code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = code
    return error


def _replaced(path: Path, damage: sqlite3.DatabaseError) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, and hardly ever needed

    lock = FileLock(f"{path}.lock", timeout=PATIENCE_S, mode=0o600)
    try:
        with lock:
            try:
                return _prepared(path), ()  # another process has just replaced it
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            aside = set_database_aside(path)
            notice = (
                f"The database {path} was damaged ({damage}). It is kept as {aside.name}, and a new one was made: "
                "register your models again"
            )
            return _prepared(path), (notice,)
    except Timeout as error:
        raise StoreError(f"The database {path} is damaged, and another process is replacing it") from error
