"""Everything of a SQLite file into an empty PostgreSQL database: in one transaction, compared before it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.store.faults import StoreError
from beastmode.store.postgresql import open_url
from beastmode.store.sqlite import open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beastmode.store.connection import Connection
    from beastmode.store.postgresql.engine import PostgreSQL

_FIRST = ("prices", "models", "chat_sessions")
"""What other tables refer to."""
_SEEDED = frozenset({"registry_generation", "policy"})
"""Tables that have a row from the start."""
_LEFT_OUT = frozenset({"migrations", "holds", "sign_in_codes"})
"""The schema's own, and what lives for seconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table in SQLite; `rowid` is the one that it does not show."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied, and compared.

    Attributes:
        rows: how many there are, by table.
        sums: how many columns were added up on both sides and compared.
    """

    rows: dict[str, int]
    sums: int


def copy(path: Path, url: str, say: Callable[[str, float], None] = lambda _text, _fraction: None) -> Copied:
    """Copy a file, which may be in use, to a database without rows of ours. All or nothing. Blocks.

    Args:
        path: of the SQLite file.
        url: of the PostgreSQL database.
        say: is told what is done, and which fraction of it all.

    Raises:
        UserError: there is no such file, or the database has rows already.
        StoreError: nothing was copied.
    """
    if not path.is_file():
        raise UserError(f"There is no database {path}", "Name the file with --from")
    source, target = open_file(path), open_url(url)
    try:
        return source.read(lambda connection: _copy(connection, target, say))
    except (*source.errors, *target.errors) as error:
        raise target.failure(error) from error
    finally:
        source.close_writer()
        source.close_readers()
        target.close_writer()


def _copy(source: Connection, target: PostgreSQL, say: Callable[[str, float], None]) -> Copied:
    source.execute("BEGIN")  # one moment's picture of the whole file
    tables = _tables(source)
    total = sum(_count(source, name) for name in tables) or 1
    connection = target.begin()
    try:
        _require_empty(connection, target.name, tables)
        rows: dict[str, int] = {}
        for name, columns in tables.items():
            if name in _SEEDED:
                connection.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names, here and below
            say(name, sum(rows.values()) / total)
            rows[name] = _pour(source, target, name, columns)
        sums = sum(_compare(source, connection, name, columns) for name, columns in tables.items())
        target.commit()
    except BaseException:
        target.rollback()
        raise
    finally:
        source.execute("ROLLBACK")
    return Copied(rows, sums)


def _tables(source: Connection) -> dict[str, list[Column]]:
    names = [row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    ours = [name for name in names if not name.startswith("sqlite_") and name not in _LEFT_OUT]
    ordered = sorted(ours, key=lambda name: (name not in _FIRST, _FIRST.index(name) if name in _FIRST else 0))
    return {name: _columns(source, name) for name in ordered}


def _columns(source: Connection, table: str) -> list[Column]:
    rows = source.execute(f"PRAGMA table_info({table})").fetchall()
    found = [Column(row["name"], row["type"]) for row in rows]
    made_by = str(source.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0])
    shows_all = made_by.endswith("WITHOUT ROWID") or "INTEGER PRIMARY KEY" in made_by
    return found if shows_all else [*found, Column("rowid", "INTEGER")]


def _require_empty(target: Connection, name: str, tables: dict[str, list[Column]]) -> None:
    full = [table for table in tables if table not in _SEEDED and _count(target, table)]
    if full:
        raise UserError(
            f"The database {name} is not empty: {', '.join(full)} have rows, and nothing is mixed or overwritten",
            "Make a new one with `createdb`",
        )


def _pour(source: Connection, target: PostgreSQL, table: str, columns: list[Column]) -> int:
    names = [column.name for column in columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    found = source.execute(f"SELECT {quoted} FROM {table} ORDER BY {quoted.rpartition(', ')[2]}")  # noqa: S608
    count = target.pour(table, names, (tuple(row) for row in found))
    for name in {"id", "rowid"} & {column.name for column in columns if column.type == "INTEGER"}:
        target.continue_after(table, name)
    return count


def _compare(source: Connection, target: Connection, table: str, columns: list[Column]) -> int:
    """Count the rows and add up the numbers and the lengths of bytes on both sides."""
    measured = [f'SUM("{column.name}")' for column in columns if column.type == "INTEGER"]
    measured += [f'SUM(LENGTH("{column.name}"))' for column in columns if column.type == "BLOB"]
    query = f"SELECT {', '.join(['COUNT(*)', *measured])} FROM {table}"  # noqa: S608
    before, after = (tuple(each.execute(query).fetchone()) for each in (source, target))
    if before != after:
        raise StoreError(f"The copy of {table} is not the same: {after} for {before}", "Nothing was copied; try again")
    return len(measured)


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608
