"""The questions under way, by document: which of them a keystroke joins, and which it ends.

A keystroke that types what a model is just saying goes on listening to it; any other one ends the older questions of
its document, and with them the work of their models. Two cursors of one version of a document are two questions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from beastmode.completion.listening import Heard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from beastmode.completion.cache import Answered, Place
    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.text import Cursor

GRACE_S = 0.02
"""Seconds that a question goes on when nobody waits for it any more: editors cancel the old request just before they
send the one that may join it."""
MOST_CURSORS = 4
"""Questions of one document at the same time."""


@dataclass(slots=True, eq=False)
class Flight:
    """One question to a model.

    Attributes:
        cursor: where it was asked.
        ahead_of: the id of the suggestion whose acceptance it takes for granted; '' for one that the user waits for.
        heard: the answer so far.
        error: why there is none.
        begun: set when the model is asked.
        readers: how many callers wait for it.
        place: the key of its answer, once the prompt is made.
        answered: the answer, once it is complete.
    """

    cursor: Cursor
    ahead_of: str = ""
    heard: Heard = field(default_factory=Heard)
    error: BeastModeError | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    readers: int = 0
    place: Place | None = None
    answered: Answered | None = None
    task: asyncio.Task[None] | None = None

    def is_at(self, cursor: Cursor) -> bool:
        """Whether this is the place that was asked about, in whatever version of the document."""
        return replace(self.cursor, version=cursor.version) == cursor


class Flights:
    """All that is under way.

    Args:
        serves: whether what a flight has heard so far leads to a cursor.
    """

    def __init__(self, serves: Callable[[Flight, Cursor], bool]) -> None:
        self._serves = serves
        self._by_document: dict[str, list[Flight]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, flight: Flight, asking: Coroutine[None, None, None]) -> Flight:
        """Put a question under way."""
        flight.task = asyncio.create_task(asking)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        flights = self._by_document.setdefault(flight.cursor.uri, [])
        flights.append(flight)
        flight.task.add_done_callback(lambda _: self._landed(flight))
        for older in flights[:-MOST_CURSORS]:
            self._end(older)
        return flight

    def join(self, cursor: Cursor) -> Flight | None:
        """The flight that leads to this cursor, where there is one."""
        flights = self._by_document.get(cursor.uri, ())
        return next((flight for flight in reversed(flights) if self._serves(flight, cursor)), None)

    def supersede(self, cursor: Cursor, keep_ahead_of: str = "") -> None:
        """End the questions of a document that a newer one at `cursor` makes pointless.

        Those about the same version at another place stay while somebody waits for them, and so does what was fetched
        ahead of the suggestion `keep_ahead_of`.
        """
        for flight in tuple(self._by_document.get(cursor.uri, ())):
            is_other_cursor = flight.cursor.version == cursor.version and flight.readers and not flight.ahead_of
            same_place = (flight.cursor.line, flight.cursor.column) == (cursor.line, cursor.column)
            is_kept = flight.ahead_of and flight.ahead_of == keep_ahead_of
            if not is_kept and not (is_other_cursor and not same_place):
                self._end(flight)

    def forget(self, uri: str) -> None:
        """End every question of a document."""
        for flight in tuple(self._by_document.get(uri, ())):
            self._end(flight)

    async def wait(self, flight: Flight) -> bool:
        """Wait for the end of a question; False where it was ended by a newer one.

        A caller that is cancelled leaves; when the last one has left, the question is ended a moment later.
        """
        task = flight.task
        assert task is not None  # noqa: S101 - `start` is the only way to a flight that can be waited for
        flight.readers += 1
        try:
            await asyncio.wait((task,))
            return not task.cancelled()
        finally:
            flight.readers -= 1
            if not flight.readers and not task.done():
                asyncio.get_running_loop().call_later(GRACE_S, self._end_unread, flight)

    async def aclose(self) -> None:
        """End everything, and wait until the models have been let go."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end_unread(self, flight: Flight) -> None:
        if not flight.readers:
            self._end(flight)

    def _end(self, flight: Flight) -> None:
        if flight.task is not None:
            flight.task.cancel()
        self._landed(flight)

    def _landed(self, flight: Flight) -> None:
        uri = flight.cursor.uri
        flights = self._by_document.get(uri)
        if flights and flight in flights:
            flights.remove(flight)
            if not flights:
                del self._by_document[uri]
