"""Brings an index up to date with its workspace, a small step at a time.

Apart from the process that does it, which decides how fast, and when to rest: here is only what is done. What takes
long gives control back after each file; what was done until then is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.context.index.chunks import cut, lines_of, secret_lines
from beastmode.context.index.places import mark_file, read_regular
from beastmode.context.index.skipped import unreadable
from beastmode.context.index.tables import ChunkRow, SymbolRow, Tables, shown
from beastmode.context.index.walk import look, walk
from beastmode.context.syntax import definitions, language_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beastmode.context.index.walk import Found

_COMMIT_S = 1.0
"""How long finished work waits before readers see it, in seconds."""
_TIDY_SHARE = 5
"""A fifth of the files changed: worth putting the words in order again."""
_DEATHS = 2
"""How often reading a file may end the process before the file is left out."""
_SYMBOLS = 2_000
"""Definitions of one file that are kept."""
_TOO_LARGE, _FULL, _DEADLY = "too large", "the index is full", "cannot be read safely"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an index never exceeds: bytes of one file, files, bytes of all of them."""

    file_bytes: int = 512 * 1024
    files: int = 50_000
    total_bytes: int = 512 * 1024 * 1024


class Builder:
    """Keeps the index of one workspace; whatever it does may raise OSError or sqlite3.Error: it cannot be written.

    Args:
        root: the workspace, an absolute path without links.
        file: its index. The caller holds the lock.
        limits: how large it may become.

    Attributes:
        done: files that are up to date, those that are left out for their content too.
        total: files that were found.
    """

    def __init__(self, root: Path, file: Path, limits: Limits | None = None) -> None:
        self.done = self.total = 0
        self._root = root
        self._file = file
        self._limits = limits or Limits()
        self._tables = Tables.open(file, root)
        self._place = file.stat().st_ino
        self._mark = open(mark_file(file), "a+b", buffering=0, opener=_privately)  # noqa: SIM115  # see close
        self._count_death()
        self._bytes = self._tables.text_bytes()
        self._committed = monotonic()

    def close(self) -> None:
        """Keep what was done."""
        try:
            self._tables.commit()
        finally:
            self._tables.close()
            self._mark.close()

    @property
    def current(self) -> bool:
        """Whether the file is still where it was opened, not deleted by somebody."""
        try:
            return self._file.stat().st_ino == self._place
        except OSError:
            return False

    def update(self) -> Iterator[None]:
        """Look at the whole workspace, and read what is new or changed: what was changed last first."""
        if not self._root.is_dir():
            return  # on a disk that is not there now; what is known of it stays
        gone, changed = self._tables.files(), []
        full = self._bytes > self._limits.total_bytes * 9 // 10
        self.done = self.total = 0
        for found in walk(self._root):
            if found is None:
                yield
                continue
            if self.total >= self._limits.files:
                break
            self.total += 1
            row = gone.pop(found.key, None)
            if row and (row.size, row.stamp) == (found.size, found.stamp) and (full or row.reason != _FULL):
                self.done += 1
            else:
                changed.append(found)
        hidden = False
        for key in gone:
            self._bytes -= self._tables.remove(key)
            hidden = hidden or os.path.lexists(self._root / os.fsdecode(key))
            yield from self._rest()
        changed.sort(key=lambda found: found.stamp, reverse=True)
        for found in changed:
            self._read(found)
            self.done += 1
            yield from self._rest()
        # A word of a file that is there still, and ignored now, may be a secret: the old trees have to go.
        if hidden or (len(gone) + len(changed)) * _TIDY_SHARE > self.total:
            self._tables.tidy()
        self._tables.commit()

    def touch(self, path: Path) -> None:
        """Read one file again, or forget it, whatever its size and times say; nothing for one that is elsewhere."""
        try:
            key = os.fsencode(path.relative_to(self._root).as_posix())
        except ValueError:
            return
        found = look(self._root, path)
        if found is None:
            self._bytes -= self._tables.remove(key)
        else:
            self._read(found)
        self._tables.commit()

    def _rest(self) -> Iterator[None]:
        if monotonic() - self._committed > _COMMIT_S:
            self._tables.commit()
            self._committed = monotonic()
        yield

    def _read(self, found: Found) -> None:
        self._bytes -= self._tables.remove(found.key)
        chunks: list[ChunkRow] = []
        symbols: list[SymbolRow] = []
        reason = self._why_not(found)
        if not reason:
            try:
                data = read_regular(self._root / os.fsdecode(found.key), self._limits.file_bytes + 1)
            except OSError:
                return  # gone meanwhile, or not ours to read: the next look will tell
            reason = _TOO_LARGE if len(data) > self._limits.file_bytes else unreadable(data)
            if not reason:
                # Should the process die of it, the next one knows what it was reading.
                self._mark.write(_death(found).encode())
                chunks, symbols = understood(data, shown(found.key))
                self._mark.truncate(0)
        self._tables.replace(found.key, found.size, found.stamp, reason=reason, chunks=chunks, symbols=symbols)
        if not reason:
            self._bytes += found.size

    def _why_not(self, found: Found) -> str:
        if found.size > self._limits.file_bytes:
            return _TOO_LARGE
        if self._bytes + found.size > self._limits.total_bytes:
            return _FULL
        if int(self._tables.fact(_death(found)) or 0) >= _DEATHS:
            return _DEADLY
        return ""

    def _count_death(self) -> None:
        self._mark.seek(0)
        died = self._mark.read().decode("utf-8", "replace")
        if died:
            self._tables.note(died, str(int(self._tables.fact(died) or 0) + 1))
            self._tables.commit()
            self._mark.truncate(0)


def understood(data: bytes, path: str) -> tuple[list[ChunkRow], list[SymbolRow]]:
    """What is kept of a file's text: its pieces and its definitions, without those that show a private key."""
    lines = lines_of(data)
    secret = secret_lines(lines)
    found = definitions("".join(f"{line}\n" for line in lines), language_of(path))[:_SYMBOLS]
    pieces = cut(lines, found, secret)
    chunks = [ChunkRow(piece.line, piece.end_line, " ".join(piece.names), piece.text) for piece in pieces]
    symbols = [
        SymbolRow(each.name, each.kind, each.line, each.end_line, each.parent, each.text)
        for each in found
        if secret.isdisjoint(range(each.line, each.end_line + 1))
    ]
    return chunks, symbols


def _death(found: Found) -> str:
    return f"died in {shown(found.key)} {found.size} {found.stamp}"


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
