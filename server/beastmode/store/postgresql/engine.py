"""A PostgreSQL database that several gateways share; see `store.engine.Engine`.

One transaction writes at a time, as in SQLite: it holds a lock of the whole database from its begin to its end. What
reads before it writes (a budget, the sums of an hour) is therefore right without a word about locks in its SQL, and
nothing ever deadlocks. A replica groups what waits, so the lock is taken once for many rows.

The database may be restarted at any moment. A transaction that was cut off is run again; one whose COMMIT was cut off
is looked up by its number first, so that nothing is written twice and nothing is lost.
"""

from __future__ import annotations

import time
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from beastmode.store.faults import Interrupted, StoreError
from beastmode.store.migrations import MIGRATIONS, apply, refuse_newer
from beastmode.store.postgresql.dialect import definition, query
from beastmode.store.postgresql.rows import adapt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from beastmode.store import connection as face

Result = TypeVar("Result")
Raw = psycopg.Connection[Any]

PATIENCE_S = 30.0
"""How long a database that is gone (restarted, moved to another machine) is waited for."""
PAUSE_S = 0.1
READERS = 4

_LOCK = 0x6265_6173_746D_6F64  # "beastmod": the one lock of everybody who writes
_BEGIN = f"""BEGIN; SET LOCAL lock_timeout = '15s'; SET LOCAL idle_in_transaction_session_timeout = '15s';
    SELECT pg_advisory_xact_lock({_LOCK}); SELECT pg_current_xact_id()::text"""
_ONLY_READ = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
_FATE = "SELECT pg_xact_status(%s::xid8)"
_KNOWN = "SELECT to_regclass('migrations') IS NOT NULL"
# A machine that is gone says nothing: after ten seconds without an answer the connection counts as lost.
_DEFAULTS: dict[str, Any] = {
    "application_name": "beastmode",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_AGAIN = ("40001", "40P01")  # serialization failure, deadlock
_GONE = ("08", "57P")  # the families of lost connections and of a server that goes down


def open_url(url: str) -> PostgreSQL:
    """Connect and bring the schema up to date; several gateways may do so at once. Blocks.

    Raises:
        StoreError: the URL is none, the database cannot be reached, or is of a newer version.
    """
    try:
        wanted = conninfo_to_dict(url)
    except psycopg.Error:  # its text would show a part of the URL
        raise StoreError(
            "The database's URL cannot be read",
            "Write postgresql://USER@HOST/DATABASE, special characters in it as %40 and so on",
        ) from None
    engine = PostgreSQL(wanted)
    try:
        engine.migrate()
    except (psycopg.Error, Interrupted) as error:
        engine.close_writer()
        raise engine.failure(error) from error
    except BaseException:
        engine.close_writer()
        raise
    return engine


class PostgreSQL:
    """See `Engine`.

    Args:
        wanted: libpq's words for where the database is and who we are.
    """

    readers = READERS
    errors: tuple[type[Exception], ...] = (psycopg.Error, Interrupted, OverflowError, ValueError)
    notices: tuple[str, ...] = ()

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self._conninfo = make_conninfo(**(_DEFAULTS | dict(wanted)))
        self._password = str(wanted.get("password") or "")
        host, port = wanted.get("host") or "localhost", wanted.get("port") or 5432
        self.name = f"postgresql://{host}:{port}/{wanted.get('dbname') or ''}"
        self._writer: Raw | None = None
        self._number = ""
        self._idle: SimpleQueue[Raw | None] = SimpleQueue()
        for _ in range(READERS):
            self._idle.put(None)

    def migrate(self) -> None:
        """Apply the missing steps of the schema, in one transaction."""
        self._writer = self._connect()
        encoding = self._writer.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreError(
                f"The database {self.name} keeps text as {encoding}", "Make it with `createdb --encoding UTF8`"
            )
        known = self._writer.execute(_KNOWN).fetchone()
        recorded = self._writer.execute("SELECT name FROM migrations").fetchall() if known and known[0] else []
        names = {row[0] for row in recorded}
        refuse_newer(names)
        if names == {each.name for each in MIGRATIONS}:
            return
        connection = self.begin()
        try:
            apply(connection, lambda step: step.on_postgresql(definition))
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def begin(self) -> face.Connection:
        """See `Engine.begin`. Waits for a database that is gone."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            raw = self._writer
            if raw is None or raw.info.transaction_status is not TransactionStatus.IDLE:
                self.close_writer()
                raw = self._writer = self._reconnect(deadline)
            try:
                cursor = raw.execute(_BEGIN)
                while cursor.nextset():
                    pass
                self._number = str(cursor.fetchone()[0])  # type: ignore[index]  # SELECT gives a row
            except psycopg.Error as error:
                if not _is_gone(raw, error) or time.monotonic() > deadline:
                    raise
                self.close_writer()
            else:
                return _Connection(raw)

    def commit(self) -> None:
        """See `Engine.commit`."""
        raw = self._writer
        assert raw is not None, "what was begun has a connection"  # noqa: S101 - for the type checker
        try:
            raw.execute("COMMIT")
        except psycopg.Error as error:
            if not _is_gone(raw, error):
                raise
            self.close_writer()
            if not self._was_committed():
                raise Interrupted from error

    def rollback(self) -> None:
        """See `Engine.rollback`."""
        try:
            if self._writer is not None:
                self._writer.execute("ROLLBACK")
        except psycopg.Error:
            self.close_writer()

    def read(self, work: Callable[[face.Connection], Result]) -> Result:
        """See `Engine.read`. What a restart of the database cut off is read again."""
        raw = self._idle.get()
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                if raw is None:
                    raw = self._reconnect(deadline)
                    raw.execute(_ONLY_READ)
                try:
                    return work(_Connection(raw))
                except Interrupted:
                    _close(raw)
                    raw = None
                    if time.monotonic() > deadline:
                        raise
        finally:
            self._idle.put(raw)

    def failure(self, error: Exception) -> StoreError:
        """See `Engine.failure`."""
        if isinstance(error, StoreError):
            return error
        if isinstance(error, Interrupted) and isinstance(error.__cause__, psycopg.Error):
            error = error.__cause__
        reason, fix = str(error).strip().partition("\n")[0], ""
        if isinstance(error, psycopg.Error):
            reason = error.diag.message_primary or reason  # the details name values
        if isinstance(error, psycopg.OperationalError):
            fix = "See that the database runs, that this machine may reach it, and that user and password are right"
        if self._password:
            reason = reason.replace(self._password, "…")
        return StoreError(f"The database {self.name} failed: {reason}", fix)

    def pour(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write many rows into a table, within the transaction that was begun; how many there were."""
        assert self._writer is not None, "what was begun has a connection"  # noqa: S101 - for the type checker
        names = ", ".join(f'"{name}"' for name in columns)
        count = 0
        with self._writer.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copying:
            for row in rows:
                copying.write_row(row)
                count += 1
        return count

    def continue_after(self, table: str, column: str) -> None:
        """Let a column that counts itself up go on after its largest number."""
        assert self._writer is not None, "what was begun has a connection"  # noqa: S101 - for the type checker
        largest = f'(SELECT COALESCE(MAX("{column}"), 0) + 1 FROM {table})'  # noqa: S608 - our own names
        self._writer.execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {largest}, false)".encode())

    def close_writer(self) -> None:
        """See `Engine.close_writer`."""
        raw, self._writer = self._writer, None
        _close(raw)

    def close_readers(self) -> None:
        """See `Engine.close_readers`."""
        for _ in range(READERS):
            _close(self._idle.get())

    def _connect(self) -> Raw:
        # Parameters become literals, which PostgreSQL gives the type of their place, as SQLite does.
        raw: Raw = psycopg.connect(self._conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor)
        adapt(raw)
        return raw

    def _reconnect(self, deadline: float) -> Raw:
        while True:
            try:
                return self._connect()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)

    def _was_committed(self) -> bool:
        """What became of the transaction whose COMMIT was not answered."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            raw = self._reconnect(deadline)
            try:
                row = raw.execute(_FATE, (self._number,)).fetchone()
            except psycopg.Error:
                row = None
            finally:
                _close(raw)
            if row is not None and row[0] != "in progress":
                return bool(row[0] == "committed")
            if time.monotonic() > deadline:
                raise StoreError(f"Nobody knows whether a change reached the database {self.name}", "Look at it")
            time.sleep(PAUSE_S)


class _Connection:
    """Runs our SQL."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = (), /) -> Any:
        """Run one statement.

        Raises:
            Interrupted: the database is gone, or broke the transaction off.
        """
        try:
            asked = query(sql)
            return self._raw.execute(asked.text, asked.arranged(parameters))
        except psycopg.Error as error:
            if _is_gone(self._raw, error) or error.sqlstate in _AGAIN:
                raise Interrupted from error
            raise


def _is_gone(raw: Raw, error: psycopg.Error) -> bool:
    return raw.closed or (error.sqlstate or "").startswith(_GONE)


def _close(raw: Raw | None) -> None:
    if raw is not None:
        with suppress(psycopg.Error):
            raw.close()
