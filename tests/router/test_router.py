"""The loop over tries: what the caller gets, and what the observers are told."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from beastmode.domain.errors import (
    ConnectionLost,
    ContentFiltered,
    ContextOverflow,
    ModelNotFound,
    NotAllowed,
    Rejected,
    Resting,
    StreamCut,
    TimedOut,
    Unreachable,
    UserError,
)
from beastmode.domain.model import ModelSpec, Provider
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta
from beastmode.domain.routing import Attempt, Outcome, Policy
from beastmode.domain.usage import Price, Usage
from beastmode.router import ask as ask_module
from beastmode.router import router as router_module
from beastmode.router.ask import Asker, Endpoint, Observer
from beastmode.router.breaker import Breakers
from beastmode.router.flights import Flights
from beastmode.router.latency import Latencies
from beastmode.router.limits import Limits
from beastmode.router.room import Rooms
from beastmode.router.router import Router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent

MODEL = ModelSpec(
    "custom:m", "M", "openai-compatible", "http://127.0.0.1:9/v1", "m", "openai-chat", "openai-completions"
)
ASK = ChatRequest((Message("user", "hello"),))
HOLE = FimRequest("a = ", "\n")

Step = bytes | Exception | None
"""What the server does next: send, fail, or (None) say nothing for ever."""


def event(**choice: object) -> bytes:
    return (
        b"data: "
        + json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}).encode()
        + b"\n\n"
    )


HELLO, WORLD = event(delta={"content": "hello "}), event(delta={"content": "world"})
STOP = event(delta={}, finish_reason="stop")
USAGE = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
GOOD = [HELLO, WORLD, STOP, USAGE, DONE]


class Answer:
    content_type = "text/event-stream"
    connect_s = 0.001

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    async def chunks(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if step is None:
                await asyncio.Event().wait()
            if isinstance(step, Exception):
                raise step
            yield step or b""


class World:
    """A registry, a transport that plays scripts, and an observer that remembers."""

    def __init__(
        self, *scripts: list[Step], models: Sequence[ModelSpec] = (MODEL,), expert: ModelSpec | None = None
    ) -> None:
        self.scripts = list(scripts)
        self.models = tuple(models)
        self.expert = expert
        self.posted = 0
        self.open = 0
        self.rows: list[Attempt] = []
        self.breakers, self.latencies = Breakers(lambda: 0.0), Latencies()
        self.capped: set[str] = set()
        self.allowed = Policy()
        self.memory: dict[str, tuple[StreamEvent, ...]] = {}
        self.router = self.build((self,))

    def build(self, observers: Sequence[Observer]) -> Router:
        asker = Asker(
            self,
            rooms=Rooms(),
            breakers=self.breakers,
            latencies=self.latencies,
            masker=self,
            observers=observers,
            clock=lambda: 1000.0,
        )
        return Router(
            self,
            self,
            asker,
            breakers=self.breakers,
            latencies=self.latencies,
            flights=Flights(),
            spending=self,
            answers=self,
        )

    def mask(self, request: Request) -> tuple[Request, int]:
        return (replace(request, prefix="MASKED"), 1) if isinstance(request, FimRequest) else (request, 0)

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: Request, request_id: str, reason: str) -> AsyncIterator[str]:
        if model.id in self.capped:
            raise NotAllowed(f"{model.id} would pass the daily cap")
        yield uuid4().hex

    async def prepare(self) -> None:
        pass

    def key(self, request: Request, model: ModelSpec) -> str | None:
        return str(request) if request.temperature == 0 else None

    async def find(self, key: str) -> tuple[StreamEvent, ...] | None:
        return self.memory.get(key)

    async def keep(self, key: str, events: Sequence[StreamEvent]) -> None:
        self.memory[key] = tuple(events)

    def provider(self, provider_id: str) -> Provider:
        hosted = "https://api.openai.com/v1" if provider_id == "openai" else None
        return Provider(provider_id, "", "bearer", ("openai-chat",), (), base_url=hosted, prefill=provider_id == "pre")

    def hard(self, task: Task) -> ModelSpec | None:
        return self.expert

    def may_use(self, user: str, model_id: str) -> bool:
        return True

    def is_paid(self, model: ModelSpec) -> bool:
        return "paid" in model.id

    def policy(self) -> Policy:
        return self.allowed

    def get(self, model_id: str) -> ModelSpec:
        for model in self.models:
            if model.id == model_id:
                return model
        raise ModelNotFound(model_id)

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        return self.models

    async def locate(self, model: ModelSpec) -> Endpoint:
        await asyncio.sleep(0)
        return Endpoint(model.endpoint_url, {"authorization": "Bearer k"})

    @asynccontextmanager
    async def post(self, call: object, secret_headers: object, *, connect_timeout: float) -> AsyncIterator[Answer]:
        script = self.scripts[self.posted]
        self.posted += 1
        self.open += 1
        try:
            if script and isinstance(script[0], Exception):
                raise script[0]
            yield Answer(script)
        finally:
            self.open -= 1

    async def observe(self, attempt: Attempt) -> None:
        self.rows.append(attempt)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module.random, "random", lambda: 0.0)


async def test_a_whole_answer_names_its_model_and_its_tokens() -> None:
    """The events add up to the text, the usage and the reason it finished."""
    world = World(GOOD)
    answer = await world.router.complete(ASK)
    assert (answer.text, answer.model, answer.finish) == ("hello world", "custom:m", FinishReason.STOP)
    assert answer.usage == Usage(7, 2)


async def test_the_row_is_there_before_the_caller_sees_the_end() -> None:
    """A process killed after the answer has lost nothing."""
    world = World(GOOD)
    async with aclosing(world.router.stream(ASK)) as events:
        async for seen in events:
            if isinstance(seen, Finished):
                assert [row.outcome for row in world.rows] == [Outcome.OK]
    row = world.rows[0]
    assert (row.model, row.task, row.usage, row.estimated, row.started_at) == (
        "custom:m",
        Task.CHAT,
        Usage(7, 2),
        False,
        1000.0,
    )
    assert row.first_token_s is not None


async def test_tokens_that_were_not_reported_are_estimated_and_marked() -> None:
    """None means not said; the ledger never invents a report."""
    world = World([HELLO, STOP, DONE])
    await world.router.complete(ASK)
    assert world.rows[0].estimated
    assert world.rows[0].usage.output_tokens == round(len("hello ") / 3.5)


async def test_an_answer_that_said_why_it_finished_is_delivered_without_the_sentinel() -> None:
    """`[DONE]` may never come."""
    world = World([HELLO, STOP, None])
    assert (await world.router.complete(ASK)).text == "hello "


async def test_a_cut_answer_is_never_complete() -> None:
    """The text that was shown stands, and the caller learns that it is not all."""
    world = World([HELLO])
    shown: list[str] = []

    async def read() -> None:
        async with aclosing(world.router.stream(ASK)) as events:
            async for seen in events:
                shown.extend([seen.text] if isinstance(seen, TextDelta) else [])

    with pytest.raises(StreamCut):
        await read()
    assert shown == ["hello "]
    assert (world.rows[0].outcome, world.rows[0].error_kind) == (Outcome.FAILED, "stream_cut")


@pytest.mark.parametrize(
    ("failure", "posts"),
    [(ConnectionLost("reset"), 3), (Unreachable("refused"), 1), (Rejected("bad request", status=400), 1)],
)
async def test_only_what_may_help_is_tried_again(failure: AttemptFailed, posts: int) -> None:
    """The disposition of the error decides, and every try leaves a row."""
    world = World([failure], [failure], [failure])
    with pytest.raises(type(failure)):
        await world.router.complete(ASK)
    assert (world.posted, len(world.rows)) == (posts, posts)


async def test_a_second_try_can_save_an_answer() -> None:
    """The caller sees one answer; the ledger sees both tries."""
    world = World([ConnectionLost("reset")], GOOD)
    assert (await world.router.complete(ASK)).text == "hello world"
    assert [row.outcome for row in world.rows] == [Outcome.FAILED, Outcome.OK]


async def test_while_typing_the_next_keystroke_is_the_second_try() -> None:
    """An inline request is not repeated."""
    world = World([Unreachable("refused")])
    with pytest.raises(Unreachable):
        await world.router.complete(HOLE)


async def test_nothing_is_tried_again_after_text_was_shown() -> None:
    """A second answer would contradict the first."""
    world = World([HELLO, ConnectionLost("reset")], GOOD)
    with pytest.raises(ConnectionLost):
        await world.router.complete(ASK)
    assert world.posted == 1


async def test_cancelling_closes_the_connection_and_counts_as_cancelled() -> None:
    """A newer keystroke says nothing about the model."""
    world = World([HELLO, None])
    started = asyncio.Event()

    async def read() -> None:
        async with aclosing(world.router.stream(ASK)) as events:
            async for seen in events:
                if isinstance(seen, TextDelta):
                    started.set()

    task = asyncio.ensure_future(read())
    await started.wait()
    assert world.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (world.open, world.rows[0].outcome) == (0, Outcome.CANCELLED)


async def test_a_caller_that_is_cancelled_with_a_piece_in_its_hands_has_not_succeeded() -> None:
    """A client may vanish while a piece is being sent to it: cancelled as well, its tokens counted."""
    world, has_it = World([HELLO]), asyncio.Event()

    async def read() -> None:
        async with aclosing(world.router.stream(ASK)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    has_it.set()
                    await asyncio.Event().wait()

    reader = asyncio.create_task(read())
    await has_it.wait()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    (row,) = world.rows
    assert (row.outcome, row.estimated, (row.usage.output_tokens or 0) > 0) == (Outcome.CANCELLED, True, True)
    assert world.open == 0


async def test_a_caller_that_has_enough_has_succeeded() -> None:
    """Closing the stream early stops the model and is no failure."""
    world = World([HELLO, None])
    async with aclosing(world.router.stream(ASK)) as events:
        async for seen in events:
            if isinstance(seen, TextDelta):
                break
    assert (world.open, world.rows[0].outcome) == (0, Outcome.OK)


@pytest.mark.parametrize(("script", "phase"), [([None], "first_token"), ([HELLO, None], "idle")])
async def test_silence_ends_by_its_phase(script: list[Step], phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says whether the model never began or stopped in the middle."""
    monkeypatch.setattr(ask_module, "limits_for", lambda *_: Limits(1, 0.02, 0.02, 10))
    with pytest.raises(TimedOut) as caught:
        await World(script).router.complete(HOLE if phase == "first_token" else ASK)
    assert caught.value.phase == phase


async def test_a_slow_reader_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit runs while the caller thinks about what it got."""
    monkeypatch.setattr(ask_module, "limits_for", lambda *_: Limits(1, 0.05, 0.05, 10))
    async with aclosing(World(GOOD).router.stream(ASK)) as events:
        async for seen in events:
            if isinstance(seen, TextDelta):
                await asyncio.sleep(0.1)


async def test_an_observer_that_fails_does_not_cost_the_answer() -> None:
    """A full disk is no reason to withhold what the model said."""
    world = World(GOOD)

    class Broken:
        async def observe(self, attempt: Attempt) -> None:
            raise OSError("disk full")

    world.router = world.build((Broken(), world))
    assert (await world.router.complete(ASK)).text == "hello world"
    assert len(world.rows) == 1


async def test_who_cannot_or_may_not_answer_is_said() -> None:
    """No model, an unknown one, one that is elsewhere, one that cannot chat."""
    with pytest.raises(UserError, match="No model is selected for chat"):
        await World(models=()).router.complete(ASK)
    with pytest.raises(ModelNotFound, match="Custom model not found: my-model"):
        await World().router.complete(ChatRequest(ASK.messages, model="custom:my-model"))
    far = ModelSpec("custom:m", "M", "openai-compatible", "https://far.example/v1", "m", "openai-chat", None)
    with pytest.raises(UserError, match="this workspace is local-only"):
        await World(models=[far]).router.complete(ChatRequest(ASK.messages, local_only=True))
    with pytest.raises(UserError, match="cannot complete code"):
        await World(models=[far]).router.complete(HOLE)


async def test_the_first_event_names_the_model() -> None:
    """Whoever shows the text can say whose it is."""
    async with aclosing(World(GOOD).router.stream(ASK)) as events:
        first = await anext(events)
    assert isinstance(first, Started)
    assert first.model == "custom:m"


OTHER = replace(MODEL, id="custom:other", endpoint_url="http://127.0.0.1:8/v1")
FAR = replace(MODEL, id="custom:far", endpoint_url="https://far.example/v1")
EXACT = replace(ASK, temperature=0.0)


async def test_the_chain_moves_on_and_says_so() -> None:
    """The answer names the model that gave it, and each row says why its model was asked."""
    world = World([Unreachable("down")], GOOD, models=[MODEL, OTHER])
    answer = await world.router.complete(ASK)
    assert (answer.text, answer.model) == ("hello world", "custom:other")
    assert [row.reason for row in world.rows] == ["selected for chat", "fallback for chat"]


async def test_when_all_fail_the_first_reason_is_told() -> None:
    """It is the one about the model that the user chose."""
    world = World([Unreachable("the first is down")], [Unreachable("so is the second")], models=[MODEL, OTHER])
    with pytest.raises(Unreachable, match="the first is down"):
        await world.router.complete(ASK)


async def test_a_refusal_is_not_shopped_around() -> None:
    """A request that is itself at fault goes to nobody else."""
    world = World([Rejected("bad", status=400)], GOOD, models=[MODEL, OTHER])
    with pytest.raises(Rejected):
        await world.router.complete(ASK)
    assert world.posted == 1


async def test_an_overflow_goes_only_to_a_larger_window() -> None:
    """Another model of the same size would refuse too."""
    same, larger = replace(OTHER, id="custom:same"), replace(OTHER, id="custom:large", context_window=100_000)
    world = World([ContextOverflow("too long", status=400)], GOOD, models=[MODEL, same, larger])
    assert (await world.router.complete(ASK)).model == "custom:large"
    world = World([ContextOverflow("too long", status=400)], models=[MODEL, same])
    with pytest.raises(ContextOverflow):
        await world.router.complete(ASK)


async def test_a_named_provider_is_not_replaced() -> None:
    """Who asks for openai:gpt-4 gets it or an error."""
    named = replace(FAR, id="openai:gpt-4", provider="openai")
    world = World([Unreachable("down")], GOOD, models=[named, OTHER])
    with pytest.raises(Unreachable):
        await world.router.complete(replace(ASK, model="openai:gpt-4"))


async def test_hard_work_goes_to_the_expert() -> None:
    """And the row says which words made it so."""
    world = World(GOOD, models=[MODEL], expert=replace(OTHER, id="custom:expert"))
    hard = ChatRequest((Message("user", "prove that this algorithm has no race condition or deadlock"),))
    assert (await world.router.complete(hard)).model == "custom:expert"
    assert "deadlock" in world.rows[0].reason


async def test_a_cap_skips_a_model_without_asking_it() -> None:
    """The next one answers; where there is none, the cap is the reason."""
    world = World(GOOD, models=[MODEL, OTHER])
    world.capped.add(MODEL.id)
    assert (await world.router.complete(ASK)).model == "custom:other"
    world.capped.add(OTHER.id)
    with pytest.raises(NotAllowed):
        await world.router.complete(ASK)


async def test_a_paid_model_steps_in_only_where_the_user_said_so() -> None:
    """It may be selected; as a fallback it needs a word."""
    paid = replace(OTHER, id="custom:paid")
    world = World([Unreachable("down")], GOOD, models=[MODEL, paid])
    with pytest.raises(Unreachable):
        await world.router.complete(ASK)
    world = World([Unreachable("down")], GOOD, models=[MODEL, paid])
    world.allowed = Policy(allow_paid_fallback=True)
    assert (await world.router.complete(ASK)).model == "custom:paid"
    assert (await World(GOOD, models=[paid]).router.complete(ASK)).model == "custom:paid"


async def test_a_resting_model_is_skipped_at_no_cost() -> None:
    """A keystroke fails fast; a person who asks is served all the same."""
    world = World(GOOD, models=[MODEL, OTHER])
    for _ in range(3):
        world.breakers.end(MODEL.id, Outcome.FAILED, Unreachable("down"))
    assert (await world.router.complete(ASK)).model == "custom:other"
    lonely = World(GOOD)
    for _ in range(3):
        lonely.breakers.end(MODEL.id, Outcome.FAILED, Unreachable("down"))
    with pytest.raises(Resting, match="left alone"):
        await lonely.router.complete(HOLE)
    assert (await lonely.router.complete(ASK)).text == "hello world"


async def test_secrets_are_masked_only_where_they_would_leave() -> None:
    """The row counts them."""
    hole: list[Step] = [b'data: {"choices":[{"text":"1","index":0,"finish_reason":"stop"}]}\n\n', DONE]
    world = World(hole, models=[FAR])
    await world.router.complete(HOLE)
    assert world.rows[0].masked == 1
    world = World(hole)
    await world.router.complete(HOLE)
    assert world.rows[0].masked == 0


async def test_an_answer_is_remembered() -> None:
    """The second time costs nothing, and is a row."""
    world = World(GOOD)
    first, second = await world.router.complete(EXACT), await world.router.complete(EXACT)
    assert first.text == second.text
    assert world.posted == 1
    assert [(row.cached, row.usage) for row in world.rows] == [(False, Usage(7, 2)), (True, Usage(0, 0))]


async def test_identical_requests_share_one_answer() -> None:
    """Two windows, one request."""
    world = World(GOOD)
    answers = await asyncio.gather(world.router.complete(ASK), world.router.complete(ASK))
    assert [answer.text for answer in answers] == ["hello world"] * 2
    assert world.posted == 1


async def test_who_wants_an_answer_of_its_own_gets_one() -> None:
    """A client of the API asks twice to get two samples, and its going away must not end another's answer."""
    world = World(GOOD, GOOD)

    async def read() -> list[StreamEvent]:
        return [event async for event in world.router.stream(ASK, shares=False)]

    await asyncio.gather(read(), read())
    assert world.posted == 2


async def test_a_broken_answer_is_spliced_only_to_the_letter() -> None:
    """A deterministic one by repetition, any by a prefill; else the caller learns that it broke."""
    broken: list[Step] = [HELLO, ConnectionLost("reset")]
    assert (await World(broken, GOOD, models=[MODEL, OTHER]).router.complete(EXACT)).text == "hello world"
    different: list[Step] = [event(delta={"content": "goodbye"}), STOP, DONE]
    with pytest.raises(ConnectionLost):
        await World(broken, different, models=[MODEL, OTHER]).router.complete(EXACT)
    prefilled = replace(OTHER, provider="pre")
    rest: list[Step] = [WORLD, STOP, USAGE, DONE]
    assert (await World(broken, rest, models=[MODEL, prefilled]).router.complete(ASK)).text == "hello world"
    with pytest.raises(ConnectionLost):
        await World(broken, GOOD, models=[MODEL, OTHER]).router.complete(ASK)
    strict = World(broken, rest, models=[MODEL, prefilled])
    strict.router._splices = False
    with pytest.raises(ConnectionLost):
        await strict.router.complete(ASK)


async def hurried(world: World, usual_s: float) -> None:
    """Let the first model be known for answering within that time, so that a race is run."""
    seen = Attempt("i", "r", Task.INLINE, "custom:m", "p", "o", "", 0.0, Outcome.OK, 1.0, first_token_s=usual_s)
    for _ in range(20):
        await world.latencies.observe(seen)


FILLED = [
    b'data: {"object":"text_completion","choices":[{"index":0,"text":"x","finish_reason":"stop"}]}\n\n',
    DONE,
]


async def test_a_cap_skips_a_model_in_a_race_too() -> None:
    """The free model answers where the first may not be asked, and the first one where the second may not."""
    other = replace(MODEL, id="custom:other")
    world = World(FILLED, models=(MODEL, other))
    await hurried(world, 5.0)
    world.capped = {"custom:m"}
    assert (await world.router.complete(HOLE)).model == "custom:other"
    world = World([None], models=(MODEL, other))
    await hurried(world, 0.0)
    world.capped = {"custom:other"}
    reading = asyncio.ensure_future(world.router.complete(HOLE))
    await asyncio.sleep(0.02)
    assert not reading.done(), "the first one may still answer"
    reading.cancel()


@pytest.mark.parametrize(
    "refusal",
    [ContentFiltered("no", status=400), Rejected("bad", status=400), ContextOverflow("too long", status=400)],
)
async def test_a_race_is_no_way_around_a_refusal(refusal: AttemptFailed) -> None:
    """Nobody else is asked what the first model refused, nor one with no larger window what was too long for it."""
    world = World([refusal], FILLED, models=(MODEL, replace(MODEL, id="custom:other")))
    await hurried(world, 5.0)
    with pytest.raises(type(refusal)):
        await world.router.complete(HOLE)
    assert world.posted == 1


async def test_an_hour_of_ones_own_hardware_is_not_paid_while_waiting_for_it() -> None:
    """The time in the queue belongs to the request before."""
    price = Price(Decimal(0), Decimal(0), date(2026, 1, 1), "you", gpu_hour=Decimal(3600))
    world = World(GOOD, GOOD, models=(replace(MODEL, price=price, max_concurrent=1),))
    room = world.router.asker._rooms
    async with room.place(world.models[0], MODEL.endpoint_url):
        asking = asyncio.ensure_future(world.router.complete(ASK))
        await asyncio.sleep(0.05)
    await asking
    (row,) = world.rows
    assert row.cost is not None
    assert float(row.cost) == pytest.approx(row.total_s - row.queue_s)
    assert row.queue_s >= 0.04


async def test_an_answer_from_memory_costs_nothing_whatever_the_price() -> None:
    """Also where nobody knows what the model costs."""
    world = World(models=(MODEL,))
    asked = replace(ASK, temperature=0.0)
    world.memory[str(asked)] = (TextDelta("x"), Finished(FinishReason.STOP))
    await world.router.complete(asked)
    assert world.rows[0].cost == 0
