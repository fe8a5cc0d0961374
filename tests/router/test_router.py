"""The loop over tries: what the caller gets, and what the observers are told."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from beastmode.domain.errors import (
    ModelNotFound,
    RateLimited,
    Rejected,
    StreamCut,
    TimedOut,
    Unreachable,
    UserError,
)
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import Usage
from beastmode.router import router as router_module
from beastmode.router.limits import Limits
from beastmode.router.router import Endpoint, Router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.routing import Attempt

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

    def __init__(self, *scripts: list[Step], model: ModelSpec | None = MODEL) -> None:
        self.scripts = list(scripts)
        self.model = model
        self.posted = 0
        self.open = 0
        self.rows: list[Attempt] = []
        self.router = Router(self, self, self, (self,), lambda: 1000.0)

    def get(self, model_id: str) -> ModelSpec:
        if self.model is None or model_id != self.model.id:
            raise ModelNotFound(model_id)
        return self.model

    def selected(self, task: Task) -> ModelSpec | None:
        return self.model

    async def locate(self, model: ModelSpec) -> Endpoint:
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
    monkeypatch.setattr(router_module, "RETRY_PAUSE", 0.0)


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
    [(Unreachable("refused"), 2), (Rejected("bad request", status=400), 1), (RateLimited("slow down", status=429), 1)],
)
async def test_only_what_may_help_is_tried_again(failure: AttemptFailed, posts: int) -> None:
    """The disposition of the error decides, and every try leaves a row."""
    world = World([failure], [failure])
    with pytest.raises(type(failure)):
        await world.router.complete(ASK)
    assert (world.posted, len(world.rows)) == (posts, posts)


async def test_a_second_try_can_save_an_answer() -> None:
    """The caller sees one answer; the ledger sees both tries."""
    world = World([Unreachable("reset")], GOOD)
    assert (await world.router.complete(ASK)).text == "hello world"
    assert [row.outcome for row in world.rows] == [Outcome.FAILED, Outcome.OK]


async def test_while_typing_the_next_keystroke_is_the_second_try() -> None:
    """An inline request is not repeated."""
    world = World([Unreachable("refused")])
    with pytest.raises(Unreachable):
        await world.router.complete(HOLE)


async def test_nothing_is_tried_again_after_text_was_shown() -> None:
    """A second answer would contradict the first."""
    world = World([HELLO, Unreachable("reset")], GOOD)
    with pytest.raises(Unreachable):
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
    monkeypatch.setattr(router_module, "limits_for", lambda _url, _task: Limits(1, 0.02, 0.02, 10))
    with pytest.raises(TimedOut) as caught:
        await World(script).router.complete(HOLE if phase == "first_token" else ASK)
    assert caught.value.phase == phase


async def test_a_slow_reader_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit runs while the caller thinks about what it got."""
    monkeypatch.setattr(router_module, "limits_for", lambda _url, _task: Limits(1, 0.05, 0.05, 10))
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

    world.router = Router(world, world, world, (Broken(), world), lambda: 0.0)
    assert (await world.router.complete(ASK)).text == "hello world"
    assert len(world.rows) == 1


async def test_who_cannot_or_may_not_answer_is_said() -> None:
    """No model, an unknown one, one that is elsewhere, one that cannot chat."""
    with pytest.raises(UserError, match="No model is selected for chat"):
        await World(model=None).router.complete(ASK)
    with pytest.raises(ModelNotFound, match="Custom model not found: my-model"):
        await World().router.complete(ChatRequest(ASK.messages, model="custom:my-model"))
    far = ModelSpec("custom:m", "M", "openai-compatible", "https://far.example/v1", "m", "openai-chat", None)
    with pytest.raises(UserError, match="this workspace is local-only"):
        await World(model=far).router.complete(ChatRequest(ASK.messages, local_only=True))
    with pytest.raises(UserError, match="cannot complete code"):
        await World(model=far).router.complete(HOLE)


async def test_the_first_event_names_the_model() -> None:
    """Whoever shows the text can say whose it is."""
    async with aclosing(World(GOOD).router.stream(ASK)) as events:
        first = await anext(events)
    assert isinstance(first, Started)
    assert first.model == "custom:m"
