"""What becomes of the suggestions that were shown: taken, in part, typed, turned down, left alone; and for how long.

Editors tell a language server next to nothing of that, so it follows the text: every change of a document is compared
with what was suggested there (showing.py), and what was taken is looked for again later (survival.py). Where an editor
does say something, that counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from beastmode.completion.showing import Change, Edit, Shown
from beastmode.completion.survival import Watched
from beastmode.ledger.feedback import Fate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from beastmode.domain.text import Cursor, Suggestion
    from beastmode.ledger.feedback import Showing

SOON_S, LATE_S = 30.0, 300.0
"""Seconds after which what was taken is looked for."""
LONGEST_SHOWN_S = 300.0
"""Seconds without a change at its place after which a suggestion counts as ignored."""
A_MOMENT_S = 30.0
"""Seconds for which it is remembered that one was turned down, and for which taking one can be undone."""
MOST_WATCHED = 128
"""Texts that are looked for later; of the oldest ones beyond, nothing more will be known."""
MOST_REMEMBERED = 16
"""Suggestions that are gone and of which an editor may still say that they were accepted."""
LONG_LINE = 4096
"""Characters right of a cursor from which on it may not see all of its line."""


class FeedbackLogLike(Protocol):
    """Where showings are written: `ledger.feedback.FeedbackLog`."""

    def put(self, showing: Showing) -> None:
        """Write this soon, in the place of what was put of the same showing before."""
        ...


@dataclass(slots=True)
class _Document:
    """What is followed in one document.

    Attributes:
        open: what is on the screen.
        taken: what was taken last, until another edit shows that it was meant; with when that was.
        turned_down: the line and the text left of the cursor where a suggestion was turned down, and when.
        watched: what was taken and is looked for later.
    """

    open: Shown | None = None
    taken: tuple[Shown, float] | None = None
    turned_down: tuple[int, str, float] | None = None
    watched: list[Watched] = field(default_factory=list)

    def due(self) -> Iterator[float]:
        """When something is to be done about it, in Unix seconds."""
        if self.open is not None:
            yield self.open.touched_at + LONGEST_SHOWN_S
        if self.taken is not None:
            yield self.taken[1] + A_MOMENT_S
        if self.turned_down is not None:
            yield self.turned_down[2] + A_MOMENT_S
        for each in self.watched:
            yield each.at + (SOON_S if each.shown.kept_30s is None else LATE_S)


class Feedback:
    """Follows suggestions from when they are shown.

    Args:
        log: where what became of them is written.
        clock: Unix seconds.
        text_of: the lines of an open document as they are now, without line ends; None where it is not open.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        log: FeedbackLogLike,
        clock: Callable[[], float],
        text_of: Callable[[str], Sequence[str] | None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._log = log
        self._clock = clock
        self._text_of = text_of
        self._sleep = sleep
        self._documents: dict[str, _Document] = {}
        self._gone: deque[tuple[str, Shown]] = deque(maxlen=MOST_REMEMBERED)
        self._rounds: asyncio.Task[None] | None = None

    def shown(self, cursor: Cursor, suggestions: Sequence[Suggestion], *, explicit: bool) -> None:
        """An answer was given to the editor.

        What is left of a suggestion that is on the screen is the same showing; so is more of it, where the user deleted
        back. An answer that comes too late for its place is not shown by any editor, and is left out.

        Args:
            cursor: that was asked about.
            suggestions: the first is the one that is seen.
            explicit: the user asked for it.
        """
        if not suggestions:
            return
        document, now = self._documents.get(cursor.uri), self._clock()
        if document is not None and document.open is not None and document.open.is_of(suggestions[0].id):
            line, before = document.open.place
            if line == cursor.line and before[: cursor.column].endswith(cursor.line_before):
                if len(before) == cursor.column:  # otherwise the user has typed on meanwhile
                    document.open.again(suggestions, now)
                return
        shown = self._appeared(cursor, suggestions, explicit=explicit, at=now)
        if shown is None:
            return
        document = self._documents.setdefault(cursor.uri, _Document())
        if document.open is not None:
            self._end(cursor.uri, document, Fate.IGNORED)
        document.open = shown
        self._log.put(shown.record())
        self._wake()

    def changed(self, uri: str, line: int, removed: int, added: Sequence[str]) -> None:
        """Lines [line, line + removed) of a document became `added`; free where nothing is followed in it."""
        document = self._documents.get(uri)
        if document is not None:
            self._follow(uri, document, Change(line, removed, added))

    def accepted(self, request_id: str) -> None:
        """The editor ran the command of an accepted suggestion."""
        for uri, document in self._documents.items():
            for shown in (document.open, document.taken and document.taken[0]):
                if shown is not None and shown.is_of(request_id):
                    self._confirm(uri, shown, request_id)
                    return
        # Its text came in another way than we can recognize: the editor knows better.
        for uri, shown in reversed(self._gone):
            if shown.is_of(request_id):
                self._confirm(uri, shown, request_id)
                return

    def partly_accepted(self, request_id: str, length_utf16: int) -> None:
        """The editor says that the user took so many UTF-16 code units of a suggestion, in all."""
        for document in self._documents.values():
            if document.open is not None and document.open.is_of(request_id):
                document.open.tell(length_utf16)
                self._note(document.open)

    def rejected(self, request_id: str) -> None:
        """The editor says that the user dismissed a suggestion."""
        for uri, document in self._documents.items():
            if document.open is not None and document.open.is_of(request_id):
                document.turned_down = (*document.open.place, self._clock())
                self._end(uri, document, Fate.REJECTED)

    def rejected_here(self, cursor: Cursor) -> bool:
        """Whether a suggestion was turned down a moment ago at this very place, and nothing has changed since."""
        document = self._documents.get(cursor.uri)
        if document is None or document.turned_down is None:
            return False
        line, before, _ = document.turned_down
        # A cursor sees the end of a very long line only.
        return line == cursor.line and len(before) == cursor.column and before.endswith(cursor.line_before)

    def closed(self, uri: str) -> None:
        """A document was closed: what is on its screen is gone, and what was taken there is not looked for any more."""
        document = self._documents.pop(uri, None)
        if document is not None and document.open is not None:
            document.open.end(Fate.IGNORED)
            self._log.put(document.open.record())

    async def aclose(self) -> None:
        """As if every document was closed. Before the log is."""
        for uri in list(self._documents):
            self.closed(uri)
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            rounds.cancel()
            with suppress(asyncio.CancelledError):
                await rounds

    def _appeared(
        self, cursor: Cursor, suggestions: Sequence[Suggestion], *, explicit: bool, at: float
    ) -> Shown | None:
        """A showing at a place that is as it was when it was asked about, or agrees by now; None where it does not."""
        lines = self._text_of(cursor.uri)
        if lines is None or cursor.line >= len(lines):
            return None
        line = lines[cursor.line]
        head, tail = line[: cursor.column], cursor.line_after
        if not head.endswith(cursor.line_before):
            return None
        if len(tail) >= LONG_LINE and line.startswith(tail, cursor.column):
            tail = line[cursor.column :]
        shown = Shown(
            uuid4().hex,
            cursor.line,
            head,
            tail,
            suggestions,
            language=cursor.language,
            trigger="explicit" if explicit else "automatic",
            at=at,
        )
        return shown if shown.typed_meanwhile(line) else None

    def _follow(self, uri: str, document: _Document, change: Change) -> None:
        document.turned_down = None
        for each in document.watched:
            each.edited(change)
        is_undone = document.taken is not None and self._see_undone(uri, document, document.taken[0], change)
        if document.open is not None and not is_undone:
            self._compare(uri, document, document.open, change)
        self._tidy(uri, document)

    def _compare(self, uri: str, document: _Document, shown: Shown, change: Change) -> None:
        """What an edit means for what is on the screen."""
        used = shown.used
        edit = shown.edited(change, self._clock())
        if edit is Edit.ELSEWHERE:
            return
        if edit is not Edit.AGREES:
            self._end(uri, document, Fate.REJECTED if edit is Edit.DISAGREES else Fate.IGNORED)
        elif shown.is_whole:
            self._end(uri, document, Fate.TYPED)
        elif shown.used != used:
            self._note(shown)

    def _see_undone(self, uri: str, document: _Document, shown: Shown, change: Change) -> bool:
        """Whether an edit takes back what was taken; any other edit at that place shows that it was meant."""
        undone = shown.undone(change)
        if undone is not None:
            document.taken = None
        if not undone:
            return False
        self._end(uri, document, Fate.IGNORED)
        document.watched = [each for each in document.watched if each.shown is not shown]
        if shown.used:
            document.open = shown  # the words that were taken before are still there
        else:
            shown.end(Fate.REJECTED)
            document.turned_down = (*shown.place, self._clock())
        self._note(shown)
        return True

    def _confirm(self, uri: str, shown: Shown, request_id: str) -> None:
        document = self._documents.setdefault(uri, _Document())
        shown.confirm(request_id)
        if document.open is shown:
            self._end(uri, document, Fate.ACCEPTED)
            return
        shown.end(Fate.ACCEPTED)
        self._note(shown)
        self._watch(document, shown)
        self._wake()

    def _end(self, uri: str, document: _Document, otherwise: Fate) -> None:
        """What is on the screen of a document is gone."""
        shown, document.open = document.open, None
        if shown is None:
            return
        shown.end(otherwise)
        self._note(shown)
        self._gone.append((uri, shown))
        if shown.used:
            self._watch(document, shown)
        if shown.fate is Fate.ACCEPTED:
            document.taken = shown, self._clock()
        self._wake()

    def _note(self, shown: Shown) -> None:
        if shown.used and shown.used_at is None:
            shown.used_at = self._clock()
        self._log.put(shown.record())

    def _watch(self, document: _Document, shown: Shown) -> None:
        if any(each.shown is shown for each in document.watched):
            return
        document.watched.append(Watched(shown, self._clock()))
        if sum(len(each.watched) for each in self._documents.values()) > MOST_WATCHED:
            oldest = min((each for each in self._documents.values() if each.watched), key=lambda d: d.watched[0].at)
            del oldest.watched[0]

    def _tidy(self, uri: str, document: _Document) -> None:
        """Forget a document in which nothing is followed any more."""
        if not (document.open or document.taken or document.turned_down or document.watched):
            self._documents.pop(uri, None)

    def _wake(self) -> None:
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.ensure_future(self._go_round())

    async def _go_round(self) -> None:
        while self._documents:
            due = min(due for document in self._documents.values() for due in document.due())
            # Whatever comes meanwhile is due no sooner than this.
            await self._sleep(min(max(0.0, due - self._clock()), SOON_S, A_MOMENT_S))
            for uri, document in list(self._documents.items()):
                self._look(uri, document, self._clock())
                self._tidy(uri, document)

    def _look(self, uri: str, document: _Document, now: float) -> None:
        if document.open is not None and now >= document.open.touched_at + LONGEST_SHOWN_S:
            self._end(uri, document, Fate.IGNORED)
        if document.taken is not None and now >= document.taken[1] + A_MOMENT_S:
            document.taken = None
        if document.turned_down is not None and now >= document.turned_down[2] + A_MOMENT_S:
            document.turned_down = None
        lines = self._text_of(uri) if document.watched else None
        if lines is None:
            document.watched.clear()
            return
        for each in list(document.watched):
            self._look_for(document, each, lines, now)

    def _look_for(self, document: _Document, watched: Watched, lines: Sequence[str], now: float) -> None:
        """Look whether what was taken is there, if it is time; a moment that was slept through is not made up for."""
        shown = watched.shown
        if now >= watched.at + LATE_S:
            shown.kept_5min = watched.kept(lines)
            document.watched.remove(watched)
        elif now >= watched.at + SOON_S and shown.kept_30s is None:
            shown.kept_30s = watched.kept(lines)
        else:
            return
        self._log.put(shown.record())
