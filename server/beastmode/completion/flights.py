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
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

GRACE_S = 0.02
"""Seconds that a question goes on when nobody waits for it any more: editors cancel the old request just before they
send the one that may join it."""
MOST_CURSORS = 4
"""Places of one document that are asked about at the same time."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        cursor: where.
        model: the one that is meant to answer.
        explicit: the user asked for it, as opposed to paused.
        local_only: nothing of it may leave this machine.
        nth: 0 for the model's best answer, more for further ones beside it, each more daring than the one before.
    """

    cursor: Cursor
    model: ModelSpec
    explicit: bool = False
    local_only: bool = False
    nth: int = 0


@dataclass(slots=True, eq=False)
class Flight:
    """One question on its way to a model and back.

    Attributes:
        question: what is asked.
        ahead_of: the id of the suggestion whose acceptance it takes for granted; '' for one that the user waits for.
        is_urgent: a user who asked for it waits, be it only since it is under way.
        joined: the cursor that was last found to be served by it.
        heard: the answer so far.
        error: why there is none.
        readers: how many callers wait for it.
        place: the key of its answer, once the prompt is made.
        answered: the answer, once it is complete.
    """

    question: Question
    ahead_of: str = ""
    is_urgent: bool = False
    joined: Cursor | None = None
    heard: Heard = field(default_factory=Heard)
    error: BeastModeError | None = None
    readers: int = 0
    place: Place | None = None
    answered: Answered | None = None
    task: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> Cursor:
        """Where it was asked."""
        return self.question.cursor

    @property
    def position(self) -> tuple[int, int]:
        """The line and the column of that."""
        return self.cursor.line, self.cursor.column

    @property
    def version(self) -> int:
        """The version of the document in which its answer was last wanted."""
        return (self.joined or self.cursor).version

    def is_at(self, cursor: Cursor) -> bool:
        """Whether this is the place that was asked about, in whatever version of the document."""
        return replace(self.cursor, version=cursor.version) == cursor

    def may_serve(self, question: Question) -> bool:
        """Whether its answer would be one to this question, were it asked at its place."""
        asked = self.question
        is_alike = asked.nth == question.nth and asked.model == question.model
        return is_alike and (asked.local_only or not question.local_only)


class Flights:
    """All that is under way.

    Args:
        serves: whether what a flight has heard so far leads to a question.
    """

    def __init__(self, serves: Callable[[Flight, Question], bool]) -> None:
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
        latest = list(dict.fromkeys(each.position for each in reversed(flights)))[:MOST_CURSORS]
        for older in [each for each in flights if each.position not in latest]:
            self._end(older)
        return flight

    def join(self, question: Question) -> Flight | None:
        """The flight that leads to an answer, where there is one."""
        flights = self._by_document.get(question.cursor.uri, ())
        found = (each for each in reversed(flights) if each.may_serve(question) and self._serves(each, question))
        return next(found, None)

    def supersede(self, cursor: Cursor, keep_ahead_of: str = "") -> None:
        """End the questions of a document that a newer one at `cursor` makes pointless.

        Those about the same version at another place stay while somebody waits for them, and so does what was fetched
        ahead of the suggestion `keep_ahead_of`.
        """
        for flight in tuple(self._by_document.get(cursor.uri, ())):
            is_other_cursor = flight.version == cursor.version and flight.readers and not flight.ahead_of
            same_place = flight.position == (cursor.line, cursor.column)
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

        Raises:
            Exception: asking had a defect; whatever it was.
        """
        task = flight.task
        assert task is not None  # noqa: S101 - `start` is the only way to a flight that can be waited for
        flight.readers += 1
        try:
            await asyncio.wait((task,))
        finally:
            flight.readers -= 1
            if not flight.readers and not task.done():
                asyncio.get_running_loop().call_later(GRACE_S, self._end_unread, flight)
        if task.cancelled():
            return False
        task.result()
        return True

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
