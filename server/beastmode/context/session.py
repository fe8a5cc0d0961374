"""What the user has open and did lately: tabs by their last use, edited and visited ranges.

The memory of the sources of context. A door feeds it at every keystroke, so each call costs the edit and the few
remembered ranges, never the document: nothing here copies or reads lines until a source asks for them. No I/O, no LSP.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST_EDITS, MOST_VISITS = 32, 32
"""Remembered ranges; the oldest are forgotten."""
NEAR_LINES = 4
"""An edit so many lines from an earlier one belongs to it."""
LONGEST_EDIT = 40
"""Lines to which an edit grows by others beside it; from there on, a new one begins."""
BULK_LINES = 120
"""A change that writes more lines is no edit of the user's: a formatter, another branch, a reloaded file."""
VISIT_LINES = 10
"""The cursor so many lines from an earlier visit is still visiting."""
MARGIN = 3
"""Lines shown above and below a range."""
SHOWN_ABOVE, SHOWN_BELOW = 24, 16
"""Lines of a range that are shown at most, seen from the line last touched."""
KEPT_CHARACTERS = 4000
"""Of a range whose document was closed."""


class OpenDocument(Protocol):
    """A document as the door keeps it. `lines` are without line ends and live: read at once, or copy."""

    @property
    def uri(self) -> str:
        """Its name in the protocol."""
        ...

    @property
    def path(self) -> str:
        """Its file, or what stands in the place of a path."""
        ...

    @property
    def language(self) -> str:
        """The editor's id of its language."""
        ...

    @property
    def version(self) -> int:
        """Changes with the text."""
        ...

    @property
    def lines(self) -> Sequence[str]:
        """The text, without line ends."""
        ...


@dataclass(slots=True)
class Range:
    """Lines [line, end) of a document, which move as lines come and go above them.

    Attributes:
        focus: the line last edited or visited; within the range.
        at: when that was, seconds of the session's clock.
        kept: what `Session.excerpt` gave when the document was closed; None while it is open.
    """

    uri: str
    path: str
    language: str
    line: int
    end: int
    focus: int
    at: float
    kept: tuple[int, list[str]] | None = None

    def shift(self, line: int, removed: int, added: int) -> None:
        """Lines [line, line + removed) became `added` lines."""
        self.line = shifted(self.line, line, removed, added)
        self.end = shifted(self.end, line, removed, added)
        self.focus = max(self.line, min(shifted(self.focus, line, removed, added), self.end - 1))


class Session:
    """The open documents and the ranges that the user touched in them.

    Args:
        clock: seconds, monotonic.
        roots: the workspace folders, absolute paths; may be replaced at any time.
    """

    def __init__(self, clock: Callable[[], float], roots: Iterable[str] = ()) -> None:
        self.roots = tuple(roots)
        self.revision = 0
        """Changes with everything that may change a source's answer, and stays while the user types on one line."""
        self._clock = clock
        self._documents: dict[str, OpenDocument] = {}
        self._edits: list[Range] = []
        self._visits: list[Range] = []
        self._place = ("", -1)
        self._events = 0
        self._events_of: dict[str, int] = {}

    @property
    def now(self) -> float:
        """The session's clock, for the age of a range."""
        return self._clock()

    def opened(self, document: OpenDocument) -> None:
        """The editor opened a document; what was kept of an earlier life of it is out of date."""
        self._edits = [each for each in self._edits if each.uri != document.uri]
        self._visits = [each for each in self._visits if each.uri != document.uri]
        self._documents[document.uri] = document
        self._happened(document.uri)
        self._use(document.uri)
        self.revision += 1

    def closed(self, uri: str) -> None:
        """The editor closed a document: its ranges keep a copy of their lines."""
        document = self._documents.pop(uri, None)
        if document is None:
            return
        for each in (*self._edits, *self._visits):
            if each.uri == uri and each.kept is None:
                each.kept = _cut(_excerpt(document.lines, each))
        self._events_of.pop(uri, None)
        self._events += 1
        self.revision += 1

    def changed(self, uri: str, line: int, removed: int, added: Sequence[str]) -> None:
        """Lines [line, line + removed) of an open document were replaced by `added`.

        May be called before or after the document itself changes.
        """
        document = self._documents.get(uri)
        if document is None:
            return
        self._happened(uri)
        count = len(added)
        if removed != count:
            self._shift(uri, line, removed, count)
        is_new = self._edited(document, line, count)
        if is_new or removed != count or uri != self._place[0]:
            self.revision += 1
        self._use(uri)

    def visited(self, uri: str, line: int) -> None:
        """The cursor was seen in a line of an open document."""
        document = self._documents.get(uri)
        if document is None:
            return
        if self._place != (uri, line):
            self._place = (uri, line)
            self.revision += 1
        self._use(uri)
        near = next((each for each in self._visits if each.uri == uri and abs(each.focus - line) <= VISIT_LINES), None)
        if near is not None:
            self._visits.remove(near)
        first, end = max(0, line - VISIT_LINES), line + VISIT_LINES + 1
        self._visits.insert(0, Range(uri, document.path, document.language, first, end, line, self._clock()))
        del self._visits[MOST_VISITS:]

    @property
    def documents(self) -> list[OpenDocument]:
        """The open documents, the one used last first."""
        return list(reversed(self._documents.values()))

    @property
    def edits(self) -> Sequence[Range]:
        """Edited ranges, the last first."""
        return self._edits

    @property
    def visits(self) -> Sequence[Range]:
        """Visited places, the last first."""
        return self._visits

    def document(self, uri: str) -> OpenDocument | None:
        """An open document."""
        return self._documents.get(uri)

    def excerpt(self, place: Range) -> tuple[int, list[str]]:
        """The number of the first line and the lines of a range as they are now, or were when it was closed."""
        if place.kept is not None:
            return place.kept
        document = self._documents.get(place.uri)
        return _excerpt(document.lines, place) if document else (place.line, [])

    def elsewhere(self, uri: str) -> int:
        """A number that changes when another document than this one is opened, changed or closed."""
        return self._events - self._events_of.get(uri, 0)

    def relative(self, path: str) -> str:
        """What a model may see of a path: from the workspace folder on, with `/`; outside of it, the file's name.

        With several workspace folders it starts with the folder's name.
        """
        whole = os.path.normpath(path)
        roots = [(root, os.path.normpath(root).rstrip(os.sep) + os.sep) for root in self.roots]
        within = [(root, folder) for root, folder in roots if _same(whole[: len(folder)], folder)]
        if not within:
            return PurePath(whole).name
        root, folder = max(within, key=lambda each: len(each[1]))
        return self.prefix(root) + whole[len(folder) :].replace(os.sep, "/")

    def prefix(self, root: str) -> str:
        """What `relative` puts before a path within a workspace folder: '' where there is only one folder."""
        return f"{PurePath(root).name}/" if len(self.roots) > 1 else ""

    def _happened(self, uri: str) -> None:
        self._events += 1
        self._events_of[uri] = self._events_of.get(uri, 0) + 1

    def _use(self, uri: str) -> None:
        """Put a document behind all others in the order of use."""
        self._documents[uri] = self._documents.pop(uri)

    def _shift(self, uri: str, line: int, removed: int, added: int) -> None:
        for each in (*self._edits, *self._visits):
            if each.uri == uri:
                each.shift(line, removed, added)
        self._edits = [each for each in self._edits if each.line < each.end or each.kept]
        self._visits = [each for each in self._visits if each.line < each.end or each.kept]

    def _edited(self, document: OpenDocument, line: int, count: int) -> bool:
        """Remember an edit of `count` lines; whether it is one that stood nowhere before."""
        if count == 0 or count > BULK_LINES:
            return False
        new = Range(document.uri, document.path, document.language, line, line + count, line + count - 1, self._clock())
        joined = [each for each in self._edits if each.uri == new.uri and _joins(each, new)]
        is_new = not any(each.line <= new.line and new.end <= each.end for each in joined)
        for each in joined:
            first, end = min(new.line, each.line), max(new.end, each.end)
            if end - first <= LONGEST_EDIT:
                new.line, new.end = first, end
            elif each.line < new.line:
                # Too long for one: what is above stays an edit of its own.
                each.end, each.focus = new.line, min(each.focus, new.line - 1)
                continue
            self._edits.remove(each)
        self._edits.insert(0, new)
        del self._edits[MOST_EDITS:]
        return is_new


def shifted(place: int, line: int, removed: int, added: int) -> int:
    """Where a line stands after lines [line, line + removed) became `added` lines.

    One of the removed lines: the new line in its place, or the end of the new ones.
    """
    if place < line:
        return place
    if place >= line + removed:
        return place + added - removed
    return line + min(place - line, added)


def _same(one: str, other: str) -> bool:
    """Whether two paths are one on this system; on Windows, case makes no difference."""
    return os.path.normcase(one) == os.path.normcase(other)


def _joins(older: Range, new: Range) -> bool:
    if older.line < new.end and new.line < older.end:
        return True
    is_near = older.line - new.end < NEAR_LINES and new.line - older.end < NEAR_LINES
    return is_near and max(older.end, new.end) - min(older.line, new.line) <= LONGEST_EDIT


def _excerpt(lines: Sequence[str], place: Range) -> tuple[int, list[str]]:
    first = max(0, place.line - MARGIN, place.focus - SHOWN_ABOVE)
    return first, list(lines[first : min(place.end + MARGIN, place.focus + SHOWN_BELOW)])


def _cut(excerpt: tuple[int, list[str]]) -> tuple[int, list[str]]:
    """As many lines as may be kept, so that a minified file does not stay in memory."""
    first, lines = excerpt
    room, count = KEPT_CHARACTERS, 0
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        count += 1
    return first, lines[:count]
