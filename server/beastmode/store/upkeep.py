"""What is done to a database file as a whole: checked, copied while others use it, replaced, made smaller. All blocks.

Copies are made with SQLite's backup API (https://www.sqlite.org/backup.html), which sees one moment of a database
that others write to.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from beastmode.store.faults import StoreError, is_damage, store_error
from beastmode.store.files import aside_name, private_file, set_database_aside
from beastmode.store.migrations import MIGRATIONS, applied_to, refuse_newer
from beastmode.store.sqlite import PATIENCE_S, patiently

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGES = 2000
"""That are copied at a time; between two steps others can write."""


class Verdict(NamedTuple):
    """What a look at a database found: problems as SQLite words them, and the last step of its schema."""

    problems: tuple[str, ...]
    version: str


def newest_version() -> str:
    """The last step of the schema that this program knows."""
    return MIGRATIONS[-1].name


def check(path: Path) -> Verdict:
    """Read the whole file and look for damage; a gigabyte takes some seconds.

    Raises:
        StoreError: it cannot be opened or read, or is of a newer version.
    """
    try:
        with closing(_connected(path, "ro")) as connection:
            refuse_newer(applied_to(connection))
            rows = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
            version = connection.execute("SELECT MAX(name) FROM migrations").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        raise store_error(str(path), error) from error
    return Verdict(() if rows == ["ok"] else tuple(rows), str(version))


def copy(path: Path, target: Path, say: Callable[[float], None] = lambda _fraction: None) -> None:
    """Copy a database that others may be using to a file that is not there yet, readable by its owner alone.

    Args:
        path: of the database.
        target: of the copy.
        say: told the fraction that is done, between 0 and 1.

    Raises:
        StoreError: it cannot be read, or the copy cannot be written; then there is no copy.
    """
    try:
        with closing(_connected(path, "ro")) as source:
            private_file(target)
            with closing(_connected(target, "rw")) as made:
                _pour(source, made, PAGES, say)
                made.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise store_error(str(path), error) from error


def replace(path: Path, by: Path) -> Path | None:
    """Put the content of another database in the place of this one, which others may be using: they see the new one.

    What was there is kept beside it as `NAME.before-restore-DATE`, whose path is returned; None where there was none.

    Raises:
        StoreError: nothing was changed.
    """
    kept: Path | None = None
    if path.exists() and path.stat().st_size:
        kept = _kept(path)
    try:
        private_file(path)
        with closing(_connected(by, "ro")) as source, closing(_connected(path, "rw")) as target:
            before = _generation(target)
            patiently(lambda: target.execute("PRAGMA journal_mode = WAL"))
            # In one step, so that nobody sees half of it.
            _pour(source, target, -1)
            # Other windows look at this number to see that the models have changed.
            target.execute("UPDATE registry_generation SET generation = ? WHERE generation <= ?", (before + 1, before))
            target.commit()
    except (sqlite3.Error, OSError) as error:
        raise store_error(str(path), error) from error
    return kept


def _kept(path: Path) -> Path:
    aside = aside_name(path, "before-restore")
    try:
        copy(path, aside)
    except StoreError as error:
        if error.__cause__ is None or not is_damage(error.__cause__):
            raise
        return set_database_aside(path)  # nothing can be read from it, and nobody can be using it
    return aside


def shrink(path: Path) -> tuple[int, int]:
    """Give the room of removed rows back to the disk; bytes before and after. Needs the room of a copy meanwhile.

    Raises:
        StoreError: nothing was changed.
    """
    before = path.stat().st_size
    try:
        with closing(_connected(path, "rw")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = path.stat().st_size
            patiently(lambda: connection.execute("VACUUM"))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except (sqlite3.Error, OSError) as error:
        raise store_error(str(path), error) from error
    return before, path.stat().st_size


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    if not path.exists():
        raise StoreError(f"There is no database {path}", "Run any command once, as `beastmode status`, to make one")
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", timeout=PATIENCE_S, uri=True, isolation_level=None
    )


def _pour(
    source: sqlite3.Connection, target: sqlite3.Connection, pages: int, say: Callable[[float], None] = lambda _: None
) -> None:
    """Copy page by page. SQLite would wait for ever for somebody who holds the lock; we do so for PATIENCE_S."""
    moved_at = time.monotonic()

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal moved_at
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            if time.monotonic() - moved_at > PATIENCE_S:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = status
                raise error
            return
        moved_at = time.monotonic()
        say(1 - remaining / total if total else 1.0)

    source.backup(target, pages=pages, progress=progress, sleep=0.01)


def _generation(connection: sqlite3.Connection) -> int:
    try:
        return int(connection.execute("SELECT generation FROM registry_generation").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return 0  # a new file, or one whose schema is damaged
