"""The reading side of an index: search and definitions, off the event loop, never for longer than allowed.

Nothing here writes; a missing, damaged or half-built index gives fewer results, or none, and never an error.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from beastmode.context.index.places import index_file
from beastmode.context.index.tables import STAMP, unpacked
from beastmode.context.index.words import asked, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

Result = TypeVar("Result")

_WORDS = 32
"""Words of one question that are looked for."""
_TELLING = 12
"""Words among them that decide."""
_AT_LEAST = 4
_COMMON = 1_000
"""Chunks from which on a word is too common to be searched for beside `_AT_LEAST` rarer ones."""
_REMEMBERED = 5_000
"""Words whose frequency is kept from one keystroke to the next."""
_CANDIDATES = 4
"""Chunks that are looked at more closely for each that is wanted."""
_DEPTH = 25
"""Chunks that are counted, by file, for each that is looked at."""
_A_FILE = 3
"""Chunks of one file in one result."""
_STEPS = 2_000
"""SQLite's instructions between two looks at the clock: a fraction of a millisecond."""


@dataclass(frozen=True, slots=True)
class Chunk:
    r"""Lines of a file that fit a question, `line` to `end_line` from zero, both included.

    `path` is relative to the workspace with `/`, and printable; `text` has `\n` endings, the last one too. `score` is
    between 0 and 1: how much of the question is in it, by the best chunk of the same result.
    """

    path: str
    line: int
    end_line: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition: lines from zero, the last one included; `text`: what a caller needs; `parent`: its class, or ''."""

    name: str
    kind: str
    path: str
    line: int
    end_line: int
    text: str
    parent: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How large an index is: files, their bytes, chunks, definitions, bytes on disk; files left out, by reason."""

    files: int = 0
    source_bytes: int = 0
    chunks: int = 0
    symbols: int = 0
    index_bytes: int = 0
    left_out: tuple[tuple[str, int], ...] = ()


class Index:
    """What is known of one workspace.

    Args:
        root: the workspace.
        folder: where indexes live.
        limit_s: how long one query may take, in seconds; what takes longer gives nothing.
    """

    def __init__(self, root: Path, folder: Path, limit_s: float = 1.0) -> None:
        self.file = index_file(root, folder)
        self._limit_s = limit_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beastmode-index")
        self._frequencies: dict[str, int] = {}
        self._closed = False
        self._open: tuple[tuple[int, int], sqlite3.Connection] | None = None

    async def search(self, words: Sequence[str], *, limit: int, leave_out: Collection[str] = ()) -> list[Chunk]:
        """The chunks that fit best, best first.

        Args:
            words: identifiers, or plain words; parts of identifiers count too, and every word is optional.
            limit: how many chunks, of at most three a file.
            leave_out: relative paths of files that are of no interest.
        """
        terms = asked(words)[:_WORDS]
        if not terms or limit < 1:
            return []
        return await self._ask(lambda db: _search(db, terms, limit, frozenset(leave_out), self._frequencies), [])

    async def definitions(self, names: Sequence[str], *, limit: int) -> list[Symbol]:
        """What is defined under these names, exactly as written: the first of each name first."""
        wanted = list(dict.fromkeys(names))[:_WORDS]
        if not wanted or limit < 1:
            return []
        return await self._ask(lambda db: _definitions(db, wanted, limit), [])

    async def figures(self) -> Figures:
        """How large it is."""
        found = await self._ask(_figures, Figures())
        try:
            size = sum(path.stat().st_size for path in self.file.parent.glob(f"{self.file.name}*"))
        except OSError:
            return found
        return replace(found, index_bytes=size)

    async def aclose(self) -> None:
        """Let go of the file; what is asked afterwards finds nothing. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    async def _ask(self, work: Callable[[sqlite3.Connection], Result], nothing: Result) -> Result:
        if self._closed:
            return nothing
        given_up = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work, nothing, given_up)
        finally:
            given_up.set()

    def _run(self, work: Callable[[sqlite3.Connection], Result], nothing: Result, given_up: threading.Event) -> Result:
        """In the thread."""
        deadline = monotonic() + self._limit_s
        try:
            connection = self._connection()
            if connection is None or given_up.is_set():
                return nothing
            connection.set_progress_handler(lambda: given_up.is_set() or monotonic() > deadline, _STEPS)
            return work(connection)
        except (sqlite3.Error, OSError, ValueError):
            self._close()
            return nothing

    def _connection(self) -> sqlite3.Connection | None:
        """The open file, opened anew where another has taken its place; None where there is none of this version."""
        try:
            facts = self.file.stat()
        except OSError:
            self._close()
            return None
        mark = (facts.st_dev, facts.st_ino)
        if self._open is None or self._open[0] != mark:
            self._close()
            self._frequencies.clear()
            connection = sqlite3.connect(f"{self.file.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)
            self._open = mark, connection
            connection.execute("PRAGMA query_only = ON")
            if connection.execute("SELECT value FROM facts WHERE name = 'made by'").fetchone() != (STAMP,):
                self._close()
                return None
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open[1].close()
            self._open = None


def _search(
    db: sqlite3.Connection, terms: Sequence[str], limit: int, leave_out: frozenset[str], frequencies: dict[str, int]
) -> list[Chunk]:
    candidates = _candidates(db, _telling(db, terms, frequencies), limit * _CANDIDATES, leave_out)
    chunks = []
    for number, rank in candidates:
        found = db.execute(
            "SELECT path, line, end_line, names, text FROM chunks JOIN files ON files.id = file WHERE chunks.id = ?",
            (number,),
        ).fetchone()
        if found is None:
            continue  # changed between two queries
        path, line, end_line, names, packed = found
        text = unpacked(packed)
        # A place that has much of the question goes before one that has one word of it often.
        share = _share(terms, (path, names, text))
        chunks.append(Chunk(path, line, end_line, text, rank / candidates[0][1] * share))
    chunks.sort(key=lambda chunk: chunk.score, reverse=True)
    kept: list[Chunk] = []
    for chunk in chunks:
        if sum(other.path == chunk.path for other in kept) < _A_FILE:
            kept.append(chunk)
    return kept[:limit]


def _telling(db: sqlite3.Connection, terms: Sequence[str], frequencies: dict[str, int]) -> list[str]:
    """The rarest of the words: what is everywhere costs most of the time, and says least."""
    if len(frequencies) > _REMEMBERED:
        frequencies.clear()
    counts = {}
    for term in terms:
        count = frequencies.get(term, 0)
        if not count:  # nor remembered: the word may have come meanwhile
            query = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
            count = db.execute(query, (f'"{term}"', 5 * _COMMON)).fetchone()[0]
        if count:
            counts[term] = frequencies[term] = count
    rarest = sorted(counts, key=counts.__getitem__)[:_TELLING]
    return [term for at, term in enumerate(rarest) if at < _AT_LEAST or counts[term] < _COMMON]


def _candidates(
    db: sqlite3.Connection, terms: Sequence[str], most: int, leave_out: frozenset[str]
) -> list[tuple[int, float]]:
    """Numbers and ranks of the chunks that the words lead to, best first; not too many of one file."""
    if not terms:
        return []
    # Quoted, so that no word is taken for an operator; the list travels as JSON, whatever its length.
    rows = db.execute(
        "SELECT rowid, rank FROM words WHERE words MATCH ? AND rowid NOT IN (SELECT chunks.id FROM chunks"
        " JOIN files ON files.id = chunks.file WHERE files.path IN (SELECT value FROM json_each(?)))"
        " ORDER BY rank LIMIT ?",
        (" OR ".join(f'"{term}"' for term in terms), json.dumps(sorted(leave_out)), most * _DEPTH),
    )
    found: list[tuple[int, float]] = []
    of_file: dict[int, int] = {}
    for number, rank in rows:
        row = db.execute("SELECT file FROM chunks WHERE id = ?", (number,)).fetchone()
        if row is None or of_file.get(row[0], 0) >= 2 * _A_FILE:
            continue
        of_file[row[0]] = of_file.get(row[0], 0) + 1
        found.append((number, rank))
        if len(found) >= most:
            break
    return found


def _share(terms: Sequence[str], texts: Iterable[str]) -> float:
    """How much of a question is in some texts, above 0 to 1; the index goes by stems, so here they count as well."""
    there = {_stem(word) for text in texts for word in words(text)}
    return (sum(_stem(term) in there for term in terms) + 0.5) / (len(terms) + 0.5)


def _stem(word: str) -> str:
    """Roughly."""
    for ending in ("ing", "ed", "es", "s", "er", "e"):
        if len(word) - len(ending) > 2 and word.endswith(ending):  # noqa: PLR2004  # a stem has three letters
            return word[: -len(ending)]
    return word


def _definitions(db: sqlite3.Connection, names: Sequence[str], limit: int) -> list[Symbol]:
    rows = db.execute(
        "WITH wanted AS (SELECT key AS place, value AS name FROM json_each(?)),"
        " ranked AS (SELECT symbols.*, place, row_number() OVER (PARTITION BY symbols.name ORDER BY"
        "  CASE kind WHEN 'class' THEN 0 WHEN 'type' THEN 0 WHEN 'function' THEN 1 WHEN 'method' THEN 2 ELSE 3 END,"
        "  symbols.id) AS turn FROM wanted JOIN symbols ON symbols.name = wanted.name)"
        " SELECT ranked.name, kind, path, line, end_line, text, parent FROM ranked JOIN files ON files.id = file"
        " ORDER BY turn, place LIMIT ?",
        (json.dumps(names), limit),
    )
    return [
        Symbol(name, kind, path, line, end_line, unpacked(text), parent)
        for name, kind, path, line, end_line, text, parent in rows
    ]


def _figures(db: sqlite3.Connection) -> Figures:
    files, size = db.execute("SELECT count(*), total(size) FROM files WHERE reason = ''").fetchone()
    left = db.execute("SELECT reason, count(*) FROM files WHERE reason != '' GROUP BY reason ORDER BY 2 DESC")
    left_out = tuple((reason, count) for reason, count in left)
    chunks = db.execute("SELECT count(*) FROM chunks").fetchone()[0]
    symbols = db.execute("SELECT count(*) FROM symbols").fetchone()[0]
    return Figures(files, int(size), chunks, symbols, 0, left_out)
