"""The open documents, kept as lists of lines so that a keystroke costs the edit and not the file.

pygls' own store joins and splits the whole text at every change; this one replaces the touched lines.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from beastmode.domain.text import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lsprotocol import types as lsp

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

    def apply(self, change: lsp.TextDocumentContentChangeEvent) -> None:
        """Apply one change; a change without a range replaces the whole text."""
        span: lsp.Range | None = getattr(change, "range", None)
        if span is None:
            self._lines = _lines(change.text)
            return
        first, start = self._place(span.start)
        last, end = self._place(span.end)
        head, tail = self._lines[first][:start], self._lines[last][end:]
        self._lines[first : last + 1] = _lines(f"{head}{change.text}{tail}")

    def cursor(self, position: lsp.Position) -> Cursor:
        """An immutable picture of what stands around a position."""
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
            column = len(text.encode("utf-16-le")[: column * 2].decode("utf-16-le", "ignore"))
        return position.line, min(column, len(text))

    def _above(self, line: int) -> list[str]:
        return _fitting(reversed(self._lines[max(0, line - LINES_BEFORE) : line]))[::-1]

    def _below(self, line: int) -> list[str]:
        return _fitting(self._lines[line + 1 : line + 1 + LINES_AFTER])


class Documents:
    """Every open document by its URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}

    def open(self, item: lsp.TextDocumentItem) -> None:
        """The editor opened a document."""
        self._open[item.uri] = Document(item)

    def change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """The editor changed a document; changes to one that was never opened are dropped."""
        document = self._open.get(params.text_document.uri)
        if document is None:
            return
        for change in params.content_changes:
            document.apply(change)
        document.version = params.text_document.version

    def close(self, uri: str) -> None:
        """The editor closed a document."""
        self._open.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        """The open document, None where there is none."""
        return self._open.get(uri)


def utf16_length(text: str) -> int:
    """How many UTF-16 code units a text takes, the protocol's measure of columns."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def path_of(uri: str) -> str:
    """The file path of a `file:` URI; for any other scheme, the path part."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    is_windows_drive = len(path) > 2 and path[0] == "/" and path[2] == ":"  # noqa: PLR2004 - /c:/…
    return str(PurePath(path[1:] if is_windows_drive else path))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _fitting(lines: Iterable[str]) -> list[str]:
    """As many lines as fit into the window, whole."""
    taken, room = [], CHARACTERS
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        taken.append(line)
    return taken
