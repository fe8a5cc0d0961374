"""Asks every source of context at once, for a bounded time, and remembers the answer while the user stays on a line.

A keystroke waits for nobody: a source that is late goes on in the background and is used next time, one that fails
hurts no other, and typing on within a line asks none at all.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from functools import cached_property
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from beastmode.context import syntax
from beastmode.context.rank import rank
from beastmode.domain.errors import where

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from beastmode.context.session import Session
    from beastmode.context.window import Window
    from beastmode.domain.context import Snippet
    from beastmode.domain.text import Cursor

LIMIT_S = 0.05
NEAR_LINES = 20
"""Lines above and below the cursor in which a name is near it."""
MOST_NAMES = 60
LONGEST_LINE = 400
"""Characters of the cursor's line in which words are noticed."""

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class Here:
    """Where help is wanted: one cursor, what the model sees of its document anyway, and what the user did lately."""

    cursor: Cursor
    window: Window
    session: Session

    @cached_property
    def first_line(self) -> int:
        """The document's first line that the window shows."""
        return self.cursor.line - self.window.prefix.count("\n")

    @cached_property
    def last_line(self) -> int:
        """The document's last line that the window shows."""
        return self.cursor.line + self.window.suffix.count("\n")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names used around the cursor, nearest first, each once; by their look alone without a grammar."""
        before, after, language = self.window.prefix, self.window.suffix, self.cursor.language
        found = syntax.names_near(before, after, language, NEAR_LINES) or _names(before, after)
        return tuple(found[:MOST_NAMES])

    def shows(self, uri: str, first: int, end: int) -> bool:
        """Whether lines [first, end) of a document are in the window, as far as line numbers tell."""
        return uri == self.cursor.uri and first >= self.first_line and end <= self.last_line + 1


class Source(Protocol):
    """One kind of place in which helpful code is found."""

    @property
    def name(self) -> str:
        """The name of its file."""
        ...

    async def find(self, here: Here) -> Sequence[Snippet]:
        """The best snippets it knows for a cursor, at most ten or so; what is left over, the ranking drops."""
        ...


@runtime_checkable
class Attentive(Protocol):
    """A source that a single word on the cursor's line may lead to another answer."""

    def notices(self, word: str) -> bool:
        """Whether this is such a word."""
        ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a model is shown beside the window.

    Attributes:
        snippets: in the order in which they stand before the prefix, the least-changing first.
        left_out: what is not shown: (source, why), such as `("search", "took longer than 50 ms")`.
        took_s: how long the caller waited, 0 where the answer was remembered.
    """

    snippets: tuple[Snippet, ...]
    left_out: tuple[tuple[str, str], ...]
    took_s: float = 0.0


_Place = tuple[str, str, int, int, int, int, int, tuple[str, ...]]
_NOTHING = Gathered((), ())


class Gatherer:
    """Context for cursors.

    Args:
        sources: the least-changing first; see `sources.sources`.
        session: what the user did; its `revision` says when to ask again.
        clock: seconds, monotonic.
        limit_s: how long a source may keep a keystroke waiting.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        session: Session,
        clock: Callable[[], float],
        limit_s: float = LIMIT_S,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._asked = [_Asked(source, self._heard) for source in sources]
        self._attentive = [source for source in sources if isinstance(source, Attentive)]
        self._session = session
        self._clock = clock
        self._limit_s = limit_s
        self._sleep = sleep
        self._place: _Place | None = None
        self._gathered = _NOTHING
        self._has_news = False
        self._is_closed = False

    async def gather(self, cursor: Cursor, window: Window, tokens: int) -> Gathered:
        """What helps at a cursor, in at most so many tokens (estimated by bytes).

        On the same line, with nothing changed elsewhere, it is the same as before and comes without waiting. Sources
        that answered too late for the last call are in it from the next one on.
        """
        place = self._place_of(cursor, window, tokens)
        if place == self._place and not self._has_news:
            return self._gathered
        if self._is_closed or tokens <= 0:
            return _NOTHING
        began = self._clock()
        here = Here(cursor, window, self._session)
        for each in self._asked:
            each.ask(here, place, began)
        await self._wait()
        self._has_news = False
        before = self._gathered.snippets if self._place is not None and self._place[0] == cursor.uri else ()
        found = {each.name: each.found_in(cursor.uri) for each in self._asked}
        ranked = rank(found, (window.prefix, window.suffix, cursor.preamble), tokens, before)
        trouble = [(each.name, why) for each in self._asked if (why := each.trouble(place, self._limit_s))]
        took_s = self._clock() - began
        self._place = place
        self._gathered = Gathered(ranked.snippets, (*trouble, *ranked.left_out))
        return Gathered(self._gathered.snippets, self._gathered.left_out, took_s)

    async def prepare(self, language: str) -> None:
        """Load what a language needs, off the event loop, so that the first keystroke does not wait for it."""
        await asyncio.to_thread(syntax.names_near, "x", "", language)

    async def aclose(self) -> None:
        """Stop every source, and wait until it has stopped."""
        self._is_closed = True
        self._place = None
        await asyncio.gather(*(each.stop() for each in self._asked))

    def _place_of(self, cursor: Cursor, window: Window, tokens: int) -> _Place:
        """What an answer depends on, without looking at the text."""
        return (
            cursor.uri,
            cursor.language,
            cursor.line,
            self._session.revision,
            window.prefix.count("\n"),
            window.suffix.count("\n"),
            tokens,
            self._noticed(cursor.line_before),
        )

    def _noticed(self, typed: str) -> tuple[str, ...]:
        """The whole words on the cursor's line that sources listen for."""
        if not self._attentive:
            return ()
        words = _NAME.findall(typed[-LONGEST_LINE:].rstrip("_" + ascii_letters + digits))
        return tuple(word for word in words if any(source.notices(word) for source in self._attentive))

    def _heard(self) -> None:
        self._has_news = True

    async def _wait(self) -> None:
        """Until every source has answered or had its time."""
        now = self._clock()
        pending = [(each.task, each.asked_at + self._limit_s) for each in self._asked if each.task is not None]
        running = {task for task, until in pending if until > now and not task.done()}
        if not running:
            return
        limit = asyncio.ensure_future(self._sleep(max(until for task, until in pending if task in running) - now))
        try:
            while running and not limit.done():
                await asyncio.wait((*running, limit), return_when=asyncio.FIRST_COMPLETED)
                running = {task for task in running if not task.done()}
        finally:
            limit.cancel()


class _Asked:
    """A source, what it is busy with and what it found; busy with one question at a time."""

    def __init__(self, source: Source, heard: Callable[[], None]) -> None:
        self.name = source.name
        self.task: asyncio.Task[None] | None = None
        self.asked_at = 0.0
        self._source = source
        self._heard = heard
        self._asked_for: _Place | None = None
        self._found: Sequence[Snippet] = ()
        self._found_for: _Place | None = None
        self._failure = ""
        self._has_failed = False

    def ask(self, here: Here, place: _Place, now: float) -> None:
        """Ask, unless the answer is known or on its way.

        A source still busy with another line of the document is left to finish: a user who types faster than it
        answers would otherwise never see it. Its answer serves meanwhile, and it is asked again after it.
        """
        if self.task is not None and not self.task.done():
            if self._asked_for is not None and self._asked_for[0] == place[0]:
                return
            self.task.cancel()
        elif self._found_for == place:
            return
        self._asked_for, self.asked_at = place, now
        self.task = asyncio.create_task(self._find(here, place))

    def found_in(self, uri: str) -> Sequence[Snippet]:
        """What it found last, if that was for this document."""
        return self._found if self._found_for is not None and self._found_for[0] == uri else ()

    def trouble(self, place: _Place, limit_s: float) -> str:
        """Why its answer for this place is not there, '' where it is."""
        if self._found_for == place:
            return self._failure
        return f"took longer than {limit_s * 1000:.0f} ms"

    async def stop(self) -> None:
        """End what it is busy with."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait((self.task,))

    async def _find(self, here: Here, place: _Place) -> None:
        found: Sequence[Snippet] = ()
        failure = ""
        try:
            found = tuple(await self._source.find(here))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a source, the others and the keystroke go on
            failure = f"failed: {type(error).__name__}"
            self._report(error)
        self._found, self._found_for, self._failure = found, place, failure
        self._heard()

    def _report(self, error: Exception) -> None:
        """Into the log, once; the error's own words may quote the user's code and stay out of it."""
        if not self._has_failed:
            self._has_failed = True
            _log.warning("context source %s failed: %s in %s", self.name, type(error).__name__, where(error))


def _names(before: str, after: str) -> list[str]:
    """Words that look like names, nearest to the cursor first."""
    above = before.split("\n")[-NEAR_LINES - 1 :]
    below = after.split("\n")[: NEAR_LINES + 1]
    words = [word for line in reversed(above) for word in reversed(_NAME.findall(line))]
    words += [word for line in below for word in _NAME.findall(line)]
    return list(dict.fromkeys(words))
