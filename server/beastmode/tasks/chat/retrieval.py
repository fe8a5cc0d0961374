"""What of the workspace may help with a question that the user did not attach: files it names, definitions, search."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.context.index import Index
from beastmode.tasks.chat.pieces import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.context.index import Chunk, Symbol
    from beastmode.context.session import Session
    from beastmode.tasks.chat.reading import Desk

MOST_NAMED, MOST_DEFINED, MOST_FOUND = 4, 6, 8
LEAST_SCORE = 0.2
"""Of a chunk; one that has less of the question in common is shown for the sake of a single plain word."""
MOST_PATHS = 20
"""Words of a question that are looked up on the disk."""
LONGEST = 120
"""Lines of one piece."""
READ = 8_000
"""Characters of a question that are looked at; what is longer is a pasted file."""

_PATH = re.compile(r"(?<![\w@+./\\-])([\w@+./\\-]++)(?::(\d{1,7})(?:-(\d{1,7}))?)?")
_NAME = re.compile(r"\b[A-Za-z_]\w{2,63}\b")
_CODE_LIKE = re.compile(r"\w_\w|[a-z][A-Z]|^_|[A-Z]\w*[a-z]\w*[A-Z]|\d")


class Shelves:
    """The search indexes of the workspace's folders, for reading only.

    Args:
        folder: where indexes live; None: none are used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open: dict[str, Index] = {}

    def of(self, session: Session) -> list[tuple[str, Index]]:
        """The index of each folder of the workspace, with what stands before its paths."""
        if self._folder is None:
            return []
        for root in session.roots:
            if root not in self._open:
                self._open[root] = Index(Path(root), self._folder)
        return [(session.prefix(root), self._open[root]) for root in session.roots]

    async def aclose(self) -> None:
        """Let go of the files."""
        for index in self._open.values():
            await index.aclose()
        self._open.clear()


async def retrieve(
    question: str, before: str, indexes: Sequence[tuple[str, Index]], desk: Desk, attached: Sequence[Piece]
) -> list[Piece]:
    """The pieces that fit, best first; no two of them overlap, and none shows what is attached already.

    Args:
        question: the user's words.
        before: those of the turn before, for a question that says "it".
        indexes: see `Shelves.of`.
        desk: the files as they are now; what the index knows is shown only where it still stands.
        attached: what the model sees anyway.
    """
    question, names = question[:READ], _names(question[:READ])
    symbols: list[Symbol] = []
    chunks: list[Chunk] = []
    for prefix, index in indexes:
        defined = await index.definitions(names, limit=MOST_DEFINED)
        found = await index.search([question, before[:READ]], limit=MOST_FOUND)
        symbols += [replace(each, path=prefix + each.path) for each in defined]
        chunks += [replace(each, path=prefix + each.path) for each in found if each.score >= LEAST_SCORE]
    chunks.sort(key=lambda chunk: -chunk.score)

    def read() -> list[Piece]:
        pieces: list[Piece] = []
        for piece in (*_named(question, desk), *_defined(symbols, desk), *_searched(chunks, desk)):
            _add(pieces, piece, desk, attached)
        return pieces

    return await asyncio.to_thread(read)


def _names(question: str) -> list[str]:
    """Identifiers in the question: what looks like code first."""
    found = list(dict.fromkeys(_NAME.findall(question)))
    return sorted(found, key=lambda name: _CODE_LIKE.search(name) is None)


def _named(question: str, desk: Desk) -> Iterator[Piece]:
    """The files that the question names, or the lines of them."""
    looks = [found for found in _PATH.finditer(question) if re.search(r"[\w-][./\\]\w", found[1])][:MOST_PATHS]
    count = 0
    for found in looks:
        text = desk.find(found[1].rstrip(".").replace("\\", "/"))
        if text is None or count >= MOST_NAMED:
            continue
        count += 1
        start = int(found[2]) - 1 if found[2] else 0
        end = int(found[3] or found[2]) if found[2] else LONGEST
        if 0 <= start < len(text.lines) and start < end:
            yield Piece(
                text.path, start, text.lines[start : min(end, start + LONGEST)], "named", "the question names it"
            )


def _defined(symbols: Sequence[Symbol], desk: Desk) -> Iterator[Piece]:
    for symbol in symbols[:MOST_DEFINED]:
        lines = _still_there(desk, symbol.path, symbol.line, symbol.text.split("\n")[:1])
        if lines is not None:
            path, start, all_lines = lines
            end = min(start + symbol.end_line - symbol.line + 1, start + LONGEST)
            yield Piece(path, start, all_lines[start:end], "definition", "defines a name in the question")


def _searched(chunks: Sequence[Chunk], desk: Desk) -> Iterator[Piece]:
    for chunk in chunks[:MOST_FOUND]:
        wanted = chunk.text.removesuffix("\n").split("\n")
        lines = _still_there(desk, chunk.path, chunk.line, wanted)
        if lines is not None:
            path, start, all_lines = lines
            yield Piece(
                path, start, all_lines[start : start + min(len(wanted), LONGEST)], "search", "found by its words"
            )


def _still_there(desk: Desk, path: str, line: int, wanted: Sequence[str]) -> tuple[str, int, tuple[str, ...]] | None:
    """Where lines that the index knows stand now: the path, the first of them, all lines; None where they are gone."""
    text = desk.find(path)
    if text is None or not wanted:
        return None
    wanted = tuple(wanted)
    others = (at for at, first in enumerate(text.lines) if first == wanted[0])
    for at in (line, *others):
        if text.lines[at : at + len(wanted)] == wanted:
            return text.path, at, text.lines
    return None


def _without(piece: Piece, other: Piece) -> Piece:
    """The longer side of a piece that another one leaves of it."""
    if piece.path != other.path or other.line > piece.end_line or piece.line > other.end_line:
        return piece
    above = piece.lines[: max(0, other.line - piece.line)]
    start = other.end_line + 1
    below = piece.lines[max(0, start - piece.line) :]
    if len(above) >= len(below):
        return replace(piece, lines=above)
    return replace(piece, line=start, lines=below)


def _add(pieces: list[Piece], piece: Piece, desk: Desk, attached: Sequence[Piece]) -> None:
    """Add a piece without the lines that are attached, or widen the one that it overlaps or touches."""
    for each in attached:
        piece = _without(piece, each)
    if not piece.lines:
        return
    for at, other in enumerate(pieces):
        if other.path == piece.path and other.line <= piece.end_line + 1 and piece.line <= other.end_line + 1:
            start, end = min(other.line, piece.line), max(other.end_line, piece.end_line)
            text = desk.find(piece.path)
            if text is not None and end - start < LONGEST:
                pieces[at] = replace(other, line=start, lines=text.lines[start : end + 1])
            return
    pieces.append(piece)
