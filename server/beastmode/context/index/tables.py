"""The tables of an index, and the only writing of them.

A cache: another version of it is thrown away like a damaged one, and built again.

The words of a chunk are in a full-text table without content (`content=''`): it would otherwise hold every word a
second time. Taking a chunk out needs its words once more; they follow from its text. The newer
`contentless_delete` would spare that, but the SQLite of many systems is older.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import unicodedata
import zlib
from typing import TYPE_CHECKING, NamedTuple

from beastmode.context.index.places import make_private, remove
from beastmode.context.index.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 1
STAMP = f"{VERSION} {unicodedata.unidata_version}"
"""What an index was made by: which letters are capitals is another question in another Python."""
_CHECKED_BYTES = 16 * 1024 * 1024

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,       -- the path below the root, as the system writes it
    path TEXT NOT NULL,             -- the same for people and models
    size INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    reason TEXT NOT NULL            -- why its text is left out, '' where it is not
);
CREATE INDEX files_path ON files (path);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL,
    line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    names TEXT NOT NULL,
    text BLOB NOT NULL              -- compressed
);
CREATE INDEX chunks_file ON chunks (file);
CREATE TABLE symbols (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    parent TEXT NOT NULL,
    text BLOB NOT NULL
);
CREATE INDEX symbols_file ON symbols (file);
CREATE INDEX symbols_name ON symbols (name);
CREATE VIRTUAL TABLE words USING fts5 (path, names, text, content='', tokenize="porter ascii tokenchars '_'");
"""


class ChunkRow(NamedTuple):
    """Lines of a file and the definitions in them."""

    line: int
    end_line: int
    names: str
    text: str


class SymbolRow(NamedTuple):
    """A definition."""

    name: str
    kind: str
    line: int
    end_line: int
    parent: str
    text: str


class FileRow(NamedTuple):
    """A file as the index knows it; see the table."""

    size: int
    stamp: int
    reason: str


def packed(text: str) -> bytes:
    """As texts are stored: a third of their size."""
    return zlib.compress(text.encode("utf-8", "replace"), 6)


def unpacked(data: bytes) -> str:
    """The text again."""
    return zlib.decompress(data).decode("utf-8")


def shown(key: bytes) -> str:
    """A path that can be printed, sent as JSON and put into a prompt: what cannot be is `�`."""
    text = key.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is broken, not just busy or on a full disk."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Tables:
    """An index that is open for writing. Whoever makes one holds the index's lock.

    Every change is kept together until `commit`; what was not committed is as if it had never been.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, file: Path, root: Path) -> Tables:
        """Open the index of a workspace, building an empty one where there is none that can be used.

        Raises:
            OSError, sqlite3.Error: there is no room, or no permission.
        """
        make_private(file)
        try:
            return cls(_usable(file, root))
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        remove(file)
        make_private(file)
        return cls(_usable(file, root))

    def files(self) -> dict[bytes, FileRow]:
        """Every file that was looked at, by its key."""
        rows = self._db.execute("SELECT key, size, stamp, reason FROM files")
        return {key: FileRow(size, stamp, sys.intern(reason)) for key, size, stamp, reason in rows}

    def text_bytes(self) -> int:
        """The size of all files whose text is kept."""
        return int(self._db.execute("SELECT total(size) FROM files WHERE reason = ''").fetchone()[0])

    def remove(self, key: bytes) -> int:
        """Forget a file; how many bytes of text are kept less, 0 where it is not known."""
        found = self._db.execute("SELECT id, path, size, reason FROM files WHERE key = ?", (key,)).fetchone()
        if found is None:
            return 0
        number, path, size, reason = found
        chunks = self._db.execute("SELECT id, names, text FROM chunks WHERE file = ?", (number,)).fetchall()
        for chunk, names, text in chunks:
            row = (chunk, *_words(path, names, unpacked(text)))
            self._db.execute("INSERT INTO words (words, rowid, path, names, text) VALUES ('delete', ?, ?, ?, ?)", row)
        self._db.execute("DELETE FROM chunks WHERE file = ?", (number,))
        self._db.execute("DELETE FROM symbols WHERE file = ?", (number,))
        self._db.execute("DELETE FROM files WHERE id = ?", (number,))
        return 0 if reason else int(size)

    def replace(
        self,
        key: bytes,
        size: int,
        stamp: int,
        *,
        reason: str = "",
        chunks: Iterable[ChunkRow] = (),
        symbols: Iterable[SymbolRow] = (),
    ) -> None:
        """Put what a file holds now in the place of what it held; `reason` says why nothing of it is kept."""
        self.remove(key)
        path = shown(key)
        number = self._db.execute(
            "INSERT INTO files (key, path, size, stamp, reason) VALUES (?, ?, ?, ?, ?)",
            (key, path, size, stamp, reason),
        ).lastrowid
        for chunk in chunks:
            row = self._db.execute(
                "INSERT INTO chunks (file, line, end_line, names, text) VALUES (?, ?, ?, ?, ?)",
                (number, chunk.line, chunk.end_line, chunk.names, packed(chunk.text)),
            ).lastrowid
            self._db.execute(
                "INSERT INTO words (rowid, path, names, text) VALUES (?, ?, ?, ?)",
                (row, *_words(path, chunk.names, chunk.text)),
            )
        self._db.executemany(
            "INSERT INTO symbols (file, name, kind, line, end_line, parent, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (number, symbol.name, symbol.kind, symbol.line, symbol.end_line, symbol.parent, packed(symbol.text))
                for symbol in symbols
            ),
        )

    def fact(self, name: str) -> str:
        """Something that was noted down, '' where it was not."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def note(self, name: str, value: str) -> None:
        """Note something down."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def commit(self) -> None:
        """Let readers see what was changed."""
        if self._db.in_transaction:
            self._db.commit()

    def rollback(self) -> None:
        """Forget what was changed since the last commit."""
        self._db.rollback()

    def tidy(self) -> None:
        """After many changes: one tree of words instead of many, and an empty journal."""
        self.commit()
        self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self.commit()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._db.close()


def _words(path: str, names: str, text: str) -> tuple[str, str, str]:
    return " ".join(words(path)), " ".join(words(names)), " ".join(words(text))


def _usable(file: Path, root: Path) -> sqlite3.Connection:
    # The lock keeps other writers away; readers never hold one for long.
    connection = sqlite3.connect(file, timeout=10.0, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # what became secret leaves no copy in free pages
        connection.execute("PRAGMA cache_size = -8000")
        connection.execute("PRAGMA journal_size_limit = 16000000")
        _check(connection, root)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, root: Path) -> None:
    """Make the tables of a new file; of an old one, see that they are ours and whole."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO words (words, rank) VALUES ('rank', 'bm25(2.0, 4.0, 1.0)')")
        connection.execute("INSERT INTO facts VALUES ('root', ?)", (shown(os.fsencode(root)),))
        connection.execute("INSERT INTO facts VALUES ('made by', ?)", (STAMP,))
        connection.commit()
    elif "facts" not in tables or _stamp(connection) != STAMP or not _whole(connection):
        error = sqlite3.DatabaseError("damaged, or of another version")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error


def _whole(connection: sqlite3.Connection) -> bool:
    """Whether a small file is; a large one would take long, and shows it when it is read."""
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return bool(pages * size > _CHECKED_BYTES or connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")


def _stamp(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT value FROM facts WHERE name = 'made by'").fetchone()
    return str(found[0]) if found else ""
