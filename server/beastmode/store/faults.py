"""What can go wrong with a database, in words; and SQLite's errors as ours."""

from __future__ import annotations

import sqlite3

from beastmode.domain.errors import BeastModeError

_PRIMARY = 0xFF  # the low byte of an extended SQLite result code is its family
_FIXES = {
    sqlite3.SQLITE_BUSY: "Close the program that holds it open, or try again",
    sqlite3.SQLITE_LOCKED: "Close the program that holds it open, or try again",
    sqlite3.SQLITE_FULL: "Free some disk space",
    sqlite3.SQLITE_IOERR: "Look at the disk: it may be full, gone, or files may not grow (ulimit -f)",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for you",
    sqlite3.SQLITE_CANTOPEN: "Make the file and its folder readable and writable for you",
    sqlite3.SQLITE_CORRUPT: "Restart: a damaged file is set aside under a dated name and a new one is made",
    sqlite3.SQLITE_NOTADB: "Restart: a damaged file is set aside under a dated name and a new one is made",
}

_NO_ACCESS = "Make the file and its folder readable and writable for you, or set BEASTMODE_HOME to another folder"


class StoreError(BeastModeError):
    """The database could not be opened, read or written."""

    kind = "store_failed"


class Interrupted(Exception):
    """The transaction was broken off by the database; nothing of it was written, and it may be run again."""


def code_of(error: BaseException) -> int:
    """The primary SQLite result code of an error; 0 where SQLite gave none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY


def is_busy(error: BaseException) -> bool:
    """Whether another process holds the lock: worth another try."""
    return code_of(error) == sqlite3.SQLITE_BUSY


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is broken, or is no database at all."""
    return code_of(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def store_error(name: str, error: Exception) -> StoreError:
    """Name the file, SQLite's reason and the fix. SQLite's messages name columns, never values."""
    if isinstance(error, StoreError):
        return error
    fix = _FIXES.get(code_of(error), _NO_ACCESS if isinstance(error, OSError) else "")
    failure = StoreError(f"The database {name} failed: {error}", fix)
    failure.__cause__ = error
    return failure
