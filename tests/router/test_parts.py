"""The router's small parts: retry, breaker, complexity, hedge, splice, room, latency, limits."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import (
    AttemptFailed,
    ConnectionLost,
    ContextOverflow,
    RateLimited,
    Rejected,
    ServerFailed,
    StreamCut,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta
from beastmode.domain.routing import Attempt, Outcome
from beastmode.router.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breakers
from beastmode.router.complexity import complexity
from beastmode.router.hedge import hedged
from beastmode.router.latency import ENOUGH, Latencies
from beastmode.router.limits import limits_for
from beastmode.router.retry import CAP_S, TRIES, pause
from beastmode.router.room import Rooms
from beastmode.router.splice import Continuation, resumed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.domain.response import StreamEvent

MODEL = ModelSpec("custom:m", "M", "p", "http://127.0.0.1:1/v1", "m", "openai-chat", "openai-completions")
STOP = Finished(FinishReason.STOP)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionLost("reset"), True),
        (ServerFailed("x", status=500), True),
        (ServerFailed("x", status=503), True),
        (ServerFailed("x", status=529), True),
        (ServerFailed("x", status=501), False),
        (RateLimited("x", status=429, retry_after=1), True),
        (RateLimited("x", status=429, retry_after=60), False),
        (Unreachable("refused"), False),
        (TimedOut("first_token", 10, "o"), False),
        (Unauthorized("x", status=401), False),
        (Rejected("x", status=400), False),
        (ContextOverflow("x", status=400), False),
        (StreamCut("x"), False),
    ],
)
def test_only_what_can_help_is_repeated(error: AttemptFailed, *, again: bool) -> None:
    """A silent model is not asked twice, a bad request never."""
    assert (pause(error, 1, Task.CHAT, lambda: 0.5) is not None) is again
    assert pause(error, 1, Task.INLINE, lambda: 0.5) is None
    assert pause(error, TRIES, Task.CHAT, lambda: 0.5) is None


@given(st.integers(1, TRIES - 1), st.floats(0, 0.999), st.floats(0, 5))
@settings(max_examples=30)
def test_a_pause_is_jittered_bounded_and_respects_the_server(tries: int, luck: float, asked: float) -> None:
    """At least what Retry-After says, at most the cap more."""
    wait = pause(RateLimited("x", status=429, retry_after=asked), tries, Task.CHAT, lambda: luck)
    assert wait is not None
    assert asked <= wait <= asked + CAP_S


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_probes_and_closes() -> None:
    """Three failures in a row open it; after the pause one request is let through; its success closes it."""
    clock = Clock()
    breakers = Breakers(clock)
    down = Unreachable("it is down")
    for _ in range(3):
        assert breakers.resting("m") is None
        breakers.begin("m")
        breakers.end("m", Outcome.FAILED, down)
    rest = breakers.resting("m")
    assert rest == (FIRST_PAUSE_S, "it is down")
    clock.now += FIRST_PAUSE_S
    assert breakers.resting("m") is None
    breakers.begin("m")
    assert breakers.resting("m") is not None, "one probe at a time"
    breakers.end("m", Outcome.FAILED, down)
    rest = breakers.resting("m")
    assert rest is not None
    assert rest[0] == 2 * FIRST_PAUSE_S
    clock.now += LONGEST_PAUSE_S
    breakers.begin("m")
    breakers.end("m", Outcome.OK, None)
    assert breakers.resting("m") is None
    breakers.end("m", Outcome.FAILED, down)
    assert breakers.resting("m") is None, "the count begins anew"


def test_what_is_not_the_models_fault_does_not_open_the_breaker() -> None:
    """A request that was wrong, or one that the caller broke off."""
    breakers = Breakers(Clock())
    for _ in range(9):
        breakers.end("m", Outcome.FAILED, Rejected("bad", status=400))
        breakers.end("m", Outcome.CANCELLED, None)
    assert breakers.resting("m") is None


def test_a_rate_limit_is_waited_out() -> None:
    """However long the provider asks for, at the first answer."""
    clock = Clock()
    breakers = Breakers(clock)
    breakers.end("m", Outcome.FAILED, RateLimited("slow down", status=429, retry_after=30))
    assert breakers.resting("m") == (30, "slow down")
    clock.now += 30
    assert breakers.resting("m") is None


def test_a_probe_that_was_cancelled_lets_the_next_one_through() -> None:
    """A keystroke that supersedes the probe must not lock the model out."""
    clock = Clock()
    breakers = Breakers(clock)
    for _ in range(3):
        breakers.end("m", Outcome.FAILED, Unreachable("down"))
    clock.now += FIRST_PAUSE_S
    breakers.begin("m")
    breakers.end("m", Outcome.CANCELLED, None)
    assert breakers.resting("m") is None


@pytest.mark.parametrize(
    ("words", "task", "hard"),
    [
        ("rename this variable", Task.CHAT, False),
        ("what does this do?", Task.CHAT, False),
        ("find the deadlock and explain the trade-offs of the design", Task.CHAT, True),
        ("add a security audit across files", Task.FEATURE, True),
        ("x = 1\n" * 8000, Task.FEATURE, True),
    ],
)
def test_complexity_says_why(words: str, task: Task, *, hard: bool) -> None:
    """Size, task and words; every point has its reason."""
    found = complexity(ChatRequest((Message("user", words),), task=task))
    assert found.is_hard is hard, found
    assert (found.points == 0) == (not found.reasons)


async def answer(
    *events: StreamEvent | Exception | asyncio.Event, log: list[str], name: str
) -> AsyncGenerator[StreamEvent]:
    try:
        for event in events:
            if isinstance(event, asyncio.Event):
                await event.wait()
            elif isinstance(event, Exception):
                raise event
            else:
                yield event
    finally:
        log.append(name)


async def collect(events: AsyncGenerator[StreamEvent]) -> str:
    async with aclosing(events) as stream:
        return "".join([event.text async for event in stream if isinstance(event, TextDelta)])


async def test_a_late_model_is_hedged_and_the_loser_stopped() -> None:
    """The first good answer wins."""
    log: list[str] = []
    first = answer(Started("a", "r"), asyncio.Event(), log=log, name="first stopped")
    second = answer(Started("b", "r"), TextDelta("fast"), STOP, log=log, name="second over")
    assert await collect(hedged(first, lambda _: second, 0.01)) == "fast"
    assert log == ["first stopped", "second over"]


async def test_a_model_in_time_is_not_hedged() -> None:
    """No second request, no second cost."""
    log: list[str] = []
    first = answer(TextDelta("in time"), STOP, log=log, name="first over")
    assert await collect(hedged(first, lambda _: pytest.fail("asked"), 10)) == "in time"


async def test_a_model_that_fails_early_is_replaced_at_once() -> None:
    """And when both fail, the first one's reason is told."""
    log: list[str] = []
    first = answer(Unreachable("down"), log=log, name="1")
    second = answer(TextDelta("other"), STOP, log=log, name="2")
    assert await collect(hedged(first, lambda _: second, 10)) == "other"
    first, second = answer(Unreachable("down"), log=log, name="1"), answer(StreamCut("cut"), log=log, name="2")
    with pytest.raises(Unreachable):
        await collect(hedged(first, lambda _: second, 10))


class Reached(asyncio.Event):
    """An event that knows whether somebody waits for it."""

    is_awaited = False

    async def wait(self) -> Literal[True]:
        self.is_awaited = True
        return await super().wait()


async def test_leaving_a_race_stops_both() -> None:
    """Cancellation reaches every racer."""
    log: list[str] = []
    one, other = Reached(), Reached()
    first = answer(one, log=log, name="1")
    second = answer(other, log=log, name="2")
    race = asyncio.ensure_future(collect(hedged(first, lambda _: second, 0.0)))
    async with asyncio.timeout(10):
        while not (one.is_awaited and other.is_awaited):
            await asyncio.sleep(0.001)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert sorted(log) == ["1", "2"]


@given(st.text(max_size=12), st.lists(st.text(min_size=1, max_size=4), max_size=8))
@settings(max_examples=50)
def test_a_second_answer_fits_to_the_letter_or_not_at_all(shown: str, pieces: list[str]) -> None:
    """What the caller has, plus what is new, is the second answer."""
    taken = Continuation(shown)
    new = ""
    try:
        for event in [*map(TextDelta, pieces), STOP]:
            new += "".join(e.text for e in taken.take(event) if isinstance(e, TextDelta))
    except StreamCut:
        assert not "".join(pieces).startswith(shown)
    else:
        assert shown + new == "".join(pieces)


def test_a_prefill_ends_with_what_was_shown() -> None:
    """In a chat as the assistant's turn, in a hole as more of the prefix."""
    chat = resumed(ChatRequest((Message("user", "q"),)), "half")
    assert isinstance(chat, ChatRequest)
    assert chat.messages[-1] == Message("assistant", "half")
    assert resumed(FimRequest("a", "b"), "c").prefix == "ac"  # type: ignore[union-attr]


def test_tries_that_fail_together_are_one_reason_to_pause() -> None:
    """One blip with ten requests under way is not ten failed probes; and no later failure shortens a pause."""
    breakers = Breakers(Clock())
    for _ in range(10):
        breakers.end("m", Outcome.FAILED, Unreachable("blip"))
    assert breakers.resting("m") == (FIRST_PAUSE_S, "blip")
    breakers = Breakers(Clock())
    breakers.end("m", Outcome.FAILED, RateLimited("slow down", status=429, retry_after=30))
    for _ in range(3):
        breakers.end("m", Outcome.FAILED, Unreachable("blip"))
    assert breakers.resting("m") == (30, "blip")


async def test_a_race_that_is_lost_counts_as_slow() -> None:
    """Else the usual delay would shrink with each race until every request is asked twice."""
    latencies = Latencies()
    shown = Attempt("i", "r", Task.INLINE, "m", "p", "o", "", 0.0, Outcome.OK, 1.0, first_token_s=0.1)
    for _ in range(ENOUGH):
        await latencies.observe(shown)
    lost = replace(shown, outcome=Outcome.CANCELLED, first_token_s=None)
    for total_s in (0.05, 0.3, 0.3):
        await latencies.observe(replace(lost, total_s=total_s))
    assert latencies.p95("m", Task.INLINE) == 0.3
    await latencies.observe(replace(lost, total_s=9.0, queue_s=8.95))
    assert sum(latencies._of["m", True]) < 9.0, "waiting for a place is not the model's delay"


async def test_an_endpoint_gets_no_more_than_it_can_take() -> None:
    """Who waits says how long it was; who is cancelled while waiting takes no place."""
    rooms, model = Rooms(), replace(MODEL, max_concurrent=1)
    async with rooms.place(model, model.endpoint_url) as waited:
        assert waited == 0.0
        second = asyncio.ensure_future(rooms.place(model, model.endpoint_url).__aenter__())
        third = asyncio.ensure_future(rooms.place(model, model.endpoint_url).__aenter__())
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        assert not third.done()
    assert await third > 0.0


async def test_the_usual_delay_needs_enough_answers() -> None:
    """Then the limits follow it, within bounds."""
    latencies = Latencies()
    row = Attempt("i", "r", Task.INLINE, "m", "p", "o", "", 0.0, Outcome.OK, 1.0, first_token_s=0.1)
    for _ in range(ENOUGH - 1):
        await latencies.observe(row)
    assert latencies.p95("m", Task.INLINE) is None
    await latencies.observe(replace(row, first_token_s=3.0))
    assert latencies.p95("m", Task.INLINE) == 0.1
    assert latencies.p95("m", Task.CHAT) is None
    hosted = "https://models.example/v1"
    assert limits_for(hosted, Task.INLINE).first_token == 10.0
    assert limits_for(hosted, Task.INLINE, 0.1).first_token == 5.0
    assert limits_for(hosted, Task.INLINE, 9.0).first_token == 20.0
    local = "http://127.0.0.1:8080/v1"
    assert limits_for(local, Task.CHAT, None, 1500).first_token == 130.0
    assert limits_for(hosted, Task.CHAT, None, 1500).first_token == 10.0
