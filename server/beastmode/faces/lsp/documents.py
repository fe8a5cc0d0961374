"""The open documents, kept as lists of lines so that a keystroke costs the edit and not the file.

pygls' own store joins and splits the whole text at every change; this one replaces the touched lines.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from beastmode.domain.text import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lsprotocol import types as lsp

_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")

LINES_BEFORE, LINES_AFTER = 200, 100
CHARACTERS = 16_000
"""What a cursor sees on each side, at most."""


class Document:
    """One open text. Columns of the protocol are UTF-16 code units; inside, they are code points.

    Args:
        item: as the editor opened it.
    """

    def __init__(self, item: lsp.TextDocumentItem) -> None:
        self.uri = item.uri
        self.path = path_of(item.uri)
        self.language = item.language_id
        self.version = item.version
        self.newline = "\r\n" if "\r\n" in item.text else "\n"
        self._lines = _lines(item.text)

    def apply(self, change: lsp.TextDocumentContentChangeEvent) -> tuple[int, int, list[str]]:
        """Apply one change; a change without a range replaces the whole text.

        Returns:
            The number of the first line that changed, how many lines were taken out there, and the lines put in.
        """
        span: lsp.Range | None = getattr(change, "range", None)
        if span is None:
            before, self._lines = self._lines, _lines(change.text)
            return _difference(before, self._lines)
        first, start = self._place(span.start)
        last, end = self._place(span.end)
        head, tail = self._lines[first][:start], self._lines[last][end:]
        added = _lines(f"{head}{change.text}{tail}")
        self._lines[first : last + 1] = added
        return first, last + 1 - first, added

    @property
    def lines(self) -> Sequence[str]:
        """The lines without their ends, as they are now; they change with the document."""
        return self._lines

    def cursor(self, position: lsp.Position, preamble: str = "") -> Cursor:
        """An immutable picture of what stands around a position; `preamble` is the code of the cells above."""
        line, column = self._place(position)
        text = self._lines[line]
        return Cursor(
            uri=self.uri,
            path=self.path,
            language=self.language,
            version=self.version,
            line=line,
            column=column,
            before="\n".join((*self._above(line), text[:column][-CHARACTERS:])),
            after="\n".join((text[column : column + CHARACTERS], *self._below(line))),
            newline=self.newline,
            preamble=preamble,
        )

    @property
    def text(self) -> str:
        r"""The whole text, with `\n` endings."""
        return "\n".join(self._lines)

    def _place(self, position: lsp.Position) -> tuple[int, int]:
        # A position behind the end means the end (LSP 3.18, Position).
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        text, column = self._lines[position.line], position.character
        if not text.isascii():
            head = text.encode("utf-16-le", "surrogatepass")[: column * 2].decode("utf-16-le", "surrogatepass")
            is_cut = head != "" and text[len(head) - 1] != head[-1]  # in the middle of a pair: before it
            column = len(head) - is_cut
        return position.line, min(column, len(text))

    def _above(self, line: int) -> list[str]:
        return _fitting(self._lines[max(0, line - LINES_BEFORE) : line][::-1])[::-1]

    def _below(self, line: int) -> list[str]:
        return _fitting(self._lines[line + 1 : line + 1 + LINES_AFTER])


class Watcher(Protocol):
    """Learns from what happens in the documents; called at every keystroke, so it must be quick."""

    def opened(self, document: Document) -> None:
        """A document was opened."""
        ...

    def changed(self, uri: str, line: int, removed: int, added: Sequence[str]) -> None:
        """From `line` on, that many lines were replaced by others."""
        ...

    def closed(self, uri: str) -> None:
        """A document was closed."""
        ...


class Documents:
    """Every open document by its URI.

    Args:
        watcher: is told of everything, after it has happened.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._open: dict[str, Document] = {}
        self._watcher = watcher

    def __iter__(self) -> Iterator[Document]:
        return iter(self._open.values())

    def open(self, item: lsp.TextDocumentItem) -> None:
        """The editor opened a document."""
        document = self._open[item.uri] = Document(item)
        self._watcher.opened(document)

    def change(self, uri: str, version: int, changes: Iterable[lsp.TextDocumentContentChangeEvent]) -> None:
        """The editor changed a document; changes to one that was never opened are dropped."""
        document = self._open.get(uri)
        if document is None:
            return
        for change in changes:
            self._watcher.changed(uri, *document.apply(change))
        document.version = version

    def close(self, uri: str) -> None:
        """The editor closed a document."""
        if self._open.pop(uri, None) is not None:
            self._watcher.closed(uri)

    def get(self, uri: str) -> Document | None:
        """The open document, None where there is none."""
        return self._open.get(uri)

    def lines_of(self, uri: str) -> Sequence[str] | None:
        """The lines of an open document as they are now; None where there is none."""
        document = self._open.get(uri)
        return None if document is None else document.lines


def utf16_length(text: str) -> int:
    """How many UTF-16 code units a text takes, the protocol's measure of columns."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def path_of(uri: str) -> str:
    """The file path of a `file:` URI; for any other scheme, the path part."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    is_windows_drive = len(path) > 2 and path[0] == "/" and path[2] == ":"  # noqa: PLR2004 - /c:/…
    return str(PurePath(path[1:] if is_windows_drive else path))


def _lines(text: str) -> list[str]:
    if not text.isascii():
        # Some editors send the halves of a character one after the other.
        text = _HALVES.sub(lambda found: found[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _difference(before: list[str], after: list[str]) -> tuple[int, int, list[str]]:
    """One change that makes one text of the other: the lines between what both begin and what both end with."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    end = next((at for at in range(most - start) if before[-1 - at] != after[-1 - at]), most - start)
    return start, len(before) - end - start, after[start : len(after) - end]


def _fitting(lines: list[str]) -> list[str]:
    """As many lines as fit into the window, whole."""
    if sum(map(len, lines)) + len(lines) <= CHARACTERS:  # nearly always, and the loop costs ten times as much
        return lines
    taken, room = [], CHARACTERS
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        taken.append(line)
    return taken
