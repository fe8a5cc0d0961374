"""Identical requests that are under way at the same time share one answer: two windows on one file, a retyped line.

Whoever asks first leads and reads the answer for all, so that a request that nobody shares costs nothing more.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from beastmode.domain.errors import StreamCut
from beastmode.domain.response import Finished, TextDelta, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from beastmode.domain.response import StreamEvent


class _Flight:
    """One answer, as far as it has come, and who reads it."""

    def __init__(self, answer: AsyncGenerator[StreamEvent]) -> None:
        self.answer = answer
        self.events: list[StreamEvent] = []
        self.failure: Exception | None = None
        self.has_leader = True
        self.is_over = False
        self.followers = 0
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Wake the followers, where there are any."""
        if self.followers:
            self._news.set()
            self._news = asyncio.Event()

    async def hear(self) -> None:
        """Wait until something has changed."""
        await self._news.wait()


class Flights:
    """Answers under way, by what was asked."""

    def __init__(self) -> None:
        self._of: dict[Hashable, _Flight] = {}

    def join(self, key: Hashable, ask: Callable[[], AsyncGenerator[StreamEvent]]) -> AsyncGenerator[StreamEvent]:
        """The events of the answer to this question, from its beginning; asks it where nobody has.

        Raises:
            StreamCut: the leader was cancelled, and with it the answer, after this follower had seen some of it.
            Whatever the answer raises.
        """
        flight = self._of.get(key)
        return self._lead(key, _Flight(ask())) if flight is None else self._follow(key, flight, ask)

    async def _lead(self, key: Hashable, flight: _Flight) -> AsyncGenerator[StreamEvent]:
        self._of[key] = flight
        try:
            async for event in flight.answer:
                flight.events.append(event)
                flight.tell()
                yield event
        except GeneratorExit:
            # The leader has enough. The answer is not running now, so another can go on reading it.
            flight.has_leader = False
            flight.tell()
            if not flight.followers:
                self._end(key, flight)  # first: whoever asks while the answer is being closed asks anew
                await flight.answer.aclose()
            raise
        except Exception as failure:
            flight.failure = failure
            raise
        finally:
            if flight.has_leader or not flight.followers:
                self._end(key, flight)
                flight.tell()

    async def _follow(
        self, key: Hashable, flight: _Flight, ask: Callable[[], AsyncGenerator[StreamEvent]]
    ) -> AsyncGenerator[StreamEvent]:
        flight.followers += 1
        seen = 0
        try:
            while True:
                while seen < len(flight.events):
                    seen += 1
                    yield flight.events[seen - 1]
                if flight.is_over or not flight.has_leader:
                    break
                await flight.hear()
        except BaseException:
            if flight.followers == 1 and not flight.has_leader:
                self._end(key, flight)
                await flight.answer.aclose()
            raise
        finally:
            flight.followers -= 1
        rest = self._rest(key, flight, ask)
        if rest is not None:
            async with aclosing(rest) as events:
                async for event in events:
                    yield event

    def _rest(
        self, key: Hashable, flight: _Flight, ask: Callable[[], AsyncGenerator[StreamEvent]]
    ) -> AsyncGenerator[StreamEvent] | None:
        """How a follower goes on whose leader has left; None where the answer is over."""
        if flight.failure is not None:
            raise flight.failure
        if not flight.is_over:
            flight.has_leader = True
            return self._lead(key, flight)
        if any(isinstance(event, Finished) for event in flight.events):
            return None
        # The leader was cancelled while it waited for the answer, which ended with that.
        if any(isinstance(event, TextDelta | ToolCallDelta) for event in flight.events):
            raise StreamCut("The answer was shared with a request that was broken off", "Ask again")
        return self.join(key, ask)

    def _end(self, key: Hashable, flight: _Flight) -> None:
        flight.is_over = True
        if self._of.get(key) is flight:
            del self._of[key]
