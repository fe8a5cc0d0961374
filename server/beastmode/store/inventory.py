"""What a database is and holds: for `beastmode db info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.store.sqlite import open_file

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.store.connection import Connection

_ON_SQLITE = (
    "SELECT 'SQLite ' || sqlite_version()",
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
)
_ON_POSTGRESQL = (
    "SELECT 'PostgreSQL ' || current_setting('server_version')",
    "SELECT pg_database_size(current_database())",
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A database.

    Attributes:
        name: its path, or where else it is; never a password.
        kind: which database it is, and its version.
        bytes: what it takes on its disk.
        schema: the newest step of the schema.
        rows: how many rows each table has.
    """

    name: str
    kind: str
    bytes: int
    schema: str
    rows: dict[str, int]


def inventory(path: Path, url: str | None) -> Inventory:
    """Look into a PostgreSQL database, or where no URL is given into a SQLite file. Counting reads all of it. Blocks.

    Raises:
        StoreError: it cannot be opened.
    """
    if url is None:
        file = open_file(path)
        try:
            return file.read(lambda connection: _look(connection, file.name, _ON_SQLITE))
        finally:
            file.close_writer()
            file.close_readers()
    from beastmode.store.postgresql import open_url  # noqa: PLC0415 - an extra that few have

    engine = open_url(url)
    try:
        return engine.read(lambda connection: _look(connection, engine.name, _ON_POSTGRESQL))
    finally:
        engine.close_writer()
        engine.close_readers()


def _look(connection: Connection, name: str, queries: tuple[str, str, str]) -> Inventory:
    kind, size, tables = queries
    return Inventory(
        name,
        connection.execute(kind).fetchone()[0],
        int(connection.execute(size).fetchone()[0]),
        connection.execute("SELECT MAX(name) FROM migrations").fetchone()[0],
        {
            row[0]: int(connection.execute(f"SELECT COUNT(*) FROM {row[0]}").fetchone()[0])  # noqa: S608 - our own names
            for row in connection.execute(tables).fetchall()
        },
    )
