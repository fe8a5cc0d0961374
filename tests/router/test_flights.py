"""One answer for identical requests that are under way together."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from beastmode.domain.errors import NotAllowed, StreamCut, Unreachable
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta, ToolCallDelta
from beastmode.router.flights import Flights

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.domain.response import StreamEvent

EVENTS = [Started("m", "r"), TextDelta("a"), TextDelta("b"), Finished(FinishReason.STOP)]


class Model:
    """Answers one event for each ticket; remembers how often it was asked and whether it was stopped."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked = 0
        self.stopped = 0
        self.failure = failure
        self.tickets = asyncio.Semaphore(0)

    async def answer(self) -> AsyncGenerator[StreamEvent]:
        self.asked += 1
        try:
            for event in EVENTS:
                await self.tickets.acquire()
                yield event
                if self.failure and isinstance(event, TextDelta):
                    raise self.failure
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise

    def go(self, events: int = len(EVENTS)) -> None:
        for _ in range(events):
            self.tickets.release()


async def read(flights: Flights, model: Model, enough: int = 99) -> list[StreamEvent]:
    seen: list[StreamEvent] = []
    async with aclosing(flights.join("same", model.answer)) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == enough:
                break
    return seen


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_two_callers_one_request() -> None:
    """Both see the whole answer, also the one that came late."""
    flights, model = Flights(), Model()
    first = asyncio.ensure_future(read(flights, model))
    model.go(2)
    await settle()
    second = asyncio.ensure_future(read(flights, model))
    await settle()
    model.go(2)
    assert await first == await second == EVENTS
    assert model.asked == 1


async def test_a_leader_that_has_enough_hands_over() -> None:
    """The answer goes on for the others, and stops with the last."""
    flights, model = Flights(), Model()
    leader = asyncio.ensure_future(read(flights, model, enough=2))
    await settle()
    follower = asyncio.ensure_future(read(flights, model))
    await settle()
    model.go()
    assert await leader == EVENTS[:2]
    assert await follower == EVENTS
    assert (model.asked, model.stopped) == (1, 0)


async def test_a_follower_that_inherits_and_leaves_stops_the_model() -> None:
    """Nobody is left to read."""
    flights, model = Flights(), Model()
    leader = asyncio.ensure_future(read(flights, model, enough=2))
    await settle()
    follower = asyncio.ensure_future(read(flights, model))
    await settle()
    model.go(2)
    await leader
    await settle()
    follower.cancel()
    with pytest.raises(asyncio.CancelledError):
        await follower
    assert model.stopped == 1
    assert not flights._of


async def test_the_last_one_stops_the_model() -> None:
    """An early close without followers reaches the model, and nothing stays behind."""
    flights, model = Flights(), Model()
    model.go(2)
    await read(flights, model, enough=2)
    assert model.stopped == 1
    assert not flights._of


async def test_a_cancelled_leader_does_not_cancel_others() -> None:
    """Who had seen no text asks anew; who had seen some is told."""
    for events, outcome in ((1, EVENTS), (2, StreamCut)):
        flights, model = Flights(), Model()
        leader = asyncio.ensure_future(read(flights, model))
        await settle()
        follower = asyncio.ensure_future(read(flights, model))
        await settle()
        model.go(events)
        await settle()
        leader.cancel()
        await settle()
        model.go()
        if outcome is StreamCut:
            with pytest.raises(StreamCut):
                await follower
        else:
            assert await follower == [EVENTS[0], *outcome]
            assert model.asked == 2


async def test_a_failure_is_everybodys() -> None:
    """And the next request asks anew."""
    flights, model = Flights(), Model(Unreachable("gone"))
    leader = asyncio.ensure_future(read(flights, model))
    await settle()
    follower = asyncio.ensure_future(read(flights, model))
    await settle()
    model.go()
    for caller in (leader, follower):
        with pytest.raises(Unreachable):
            await caller
    assert not flights._of


async def test_every_failure_is_everybodys() -> None:
    """A cap that stops the request stops the follower's too; silence would look like a whole answer."""
    flights, model = Flights(), Model(NotAllowed("over the cap"))
    callers = [asyncio.ensure_future(read(flights, model)) for _ in range(2)]
    await settle()
    model.go()
    for caller in callers:
        with pytest.raises(NotAllowed):
            await caller


async def test_half_of_a_call_is_not_followed_by_a_whole_one() -> None:
    """Who had seen a piece of a tool call when the leader was cancelled is told; the pieces would not fit."""
    flights = Flights()

    async def answer() -> AsyncGenerator[StreamEvent]:
        yield ToolCallDelta(0, "c", "run", '{"a":')
        await asyncio.Event().wait()

    async def follow() -> list[StreamEvent]:
        async with aclosing(flights.join("same", answer)) as events:
            return [event async for event in events]

    leader, follower = asyncio.ensure_future(follow()), asyncio.ensure_future(follow())
    await settle()
    leader.cancel()
    with pytest.raises(StreamCut):
        await follower


async def test_who_asks_while_the_last_one_leaves_asks_anew() -> None:
    """Closing a connection takes a moment, and an answer that is being closed is nobody's any more."""
    flights, closing, asked = Flights(), asyncio.Event(), []

    async def slow_to_close() -> AsyncGenerator[StreamEvent]:
        asked.append(1)
        try:
            for event in EVENTS:
                yield event
        finally:
            await closing.wait()

    first = flights.join("same", slow_to_close)
    await anext(first)
    leaving = asyncio.ensure_future(first.aclose())
    await settle()
    second = flights.join("same", slow_to_close)
    assert await anext(second) == EVENTS[0]
    assert len(asked) == 2
    closing.set()
    await leaving
    await second.aclose()
