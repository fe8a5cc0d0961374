"""The schema, as the ordered list of the steps that made it.

A step is never edited once it has been released: a change is a new step at the end. Each is recorded by name, so a
file that holds a name which is not in the list was written by a newer version and is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.store.faults import StoreError

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its recorded name, and the statements that run in one transaction."""

    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "m001_registry",
        (
            # Prices are dated facts: a new price is a new row, or history would be priced anew.
            """CREATE TABLE prices (
                id INTEGER PRIMARY KEY,
                model TEXT NOT NULL,
                input TEXT NOT NULL,      -- US dollars per million tokens, decimal
                output TEXT NOT NULL,
                as_of TEXT NOT NULL,      -- ISO date
                source TEXT NOT NULL
            )""",
            "CREATE INDEX prices_by_model ON prices (model, as_of)",
            """CREATE TRIGGER prices_are_never_changed BEFORE UPDATE ON prices
                BEGIN SELECT RAISE(ABORT, 'prices are append-only'); END""",
            """CREATE TRIGGER prices_are_never_deleted BEFORE DELETE ON prices
                BEGIN SELECT RAISE(ABORT, 'prices are append-only'); END""",
            """CREATE TABLE models (
                id TEXT PRIMARY KEY,
                name TEXT NOT NULL,
                provider TEXT NOT NULL,
                endpoint_url TEXT NOT NULL,
                upstream_id TEXT NOT NULL,
                chat_format TEXT,
                fim_format TEXT,
                fim_template TEXT,        -- JSON
                description TEXT NOT NULL,
                context_window INTEGER NOT NULL,
                max_tokens INTEGER NOT NULL,
                temperature REAL NOT NULL,
                price_id INTEGER REFERENCES prices (id)
            )""",
            # The key of a task, or '*' for every task. The built-in model is no row, hence no foreign key.
            "CREATE TABLE routes (task TEXT PRIMARY KEY, model_id TEXT NOT NULL)",
            """CREATE TABLE sealed_keys (
                model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
                key_id TEXT NOT NULL,
                nonce BLOB NOT NULL,
                ciphertext BLOB NOT NULL,
                origin TEXT NOT NULL
            )""",
            "CREATE TABLE vault_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            """CREATE TABLE registry_generation (
                only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                generation INTEGER NOT NULL
            )""",
            "INSERT INTO registry_generation VALUES (1, 0)",
        ),
    ),
    Migration(
        "m002_attempts",
        (
            """CREATE TABLE attempts (
                id TEXT PRIMARY KEY,
                request_id TEXT NOT NULL,
                task TEXT NOT NULL,
                model TEXT NOT NULL,
                provider TEXT NOT NULL,
                origin TEXT NOT NULL,
                reason TEXT NOT NULL,
                started_at REAL NOT NULL,  -- Unix seconds
                outcome TEXT NOT NULL,
                total_s REAL NOT NULL,
                connect_s REAL,
                first_token_s REAL,
                error_kind TEXT,
                error TEXT,
                input_tokens INTEGER,
                output_tokens INTEGER,
                cache_read_tokens INTEGER,
                cache_write_tokens INTEGER,
                reasoning_tokens INTEGER,
                estimated INTEGER NOT NULL,
                cost_nano INTEGER,         -- nano-dollars; NULL where no price is known
                accepted_at REAL           -- Unix seconds; NULL where the user did not take it
            )""",
            "CREATE INDEX attempts_by_time ON attempts (started_at)",
            "CREATE INDEX attempts_by_request ON attempts (request_id)",
            "CREATE INDEX attempts_by_model ON attempts (model, started_at)",
        ),
    ),
)


def refuse_newer(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Stop before a file that a newer version has changed is touched.

    Raises:
        StoreError: the file records a step that this version does not know.
    """
    unknown = sorted(_applied(connection) - {migration.name for migration in migrations})
    if unknown:
        raise StoreError(
            f"The database was written by a newer version of BEAST MODE (it holds {', '.join(unknown)})",
            "Update BEAST MODE (`pip install --upgrade beastmode`), or set BEASTMODE_HOME to another folder",
        )


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Apply the missing steps in one transaction; several processes may do so at once.

    Raises:
        StoreError: the file is of a newer version.
        sqlite3.OperationalError: another process held the lock for longer than the busy timeout.
    """
    if {migration.name for migration in migrations} == _applied(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        refuse_newer(connection, migrations)
        applied = _applied(connection)
        for migration in migrations:
            if migration.name in applied:
                continue
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (migration.name,))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _applied(connection: sqlite3.Connection) -> set[str]:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {row[0] for row in connection.execute("SELECT name FROM migrations")} if known else set()
