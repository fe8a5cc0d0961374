"""The response cache: what is kept, for whom, how much of it and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.context import Snippet
from beastmode.domain.model import FimTemplate, ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Image, Message, Task, Tool, ToolCall
from beastmode.domain.response import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from beastmode.domain.usage import Price, Usage
from beastmode.router.answers import MEBIBYTE, MEMORY_BYTES, Answers
from beastmode.settings import CacheSettings
from beastmode.store import Database

FIM = FimRequest("def f(", "):\n", path="a.py", language="python")
MODEL = ModelSpec(
    "custom:m",
    "M",
    "openai-compatible",
    "http://127.0.0.1:1/v1",
    "m",
    "openai-chat",
    "openai-completions",
    temperature=0.0,
)
WHOLE = (TextDelta("x"), Finished(FinishReason.STOP))


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def opened(path: Path, clock: Clock, owner: str | None = "me", **changes: object) -> AsyncIterator[Answers]:
    database = await Database.open(path / "test.db")
    try:
        kept = CacheSettings(**changes)
        yield Answers(kept, database, lambda _: owner, clock)
    finally:
        await database.close()


def key(answers: Answers, number: int = 0) -> str:
    found = answers.key(replace(FIM, prefix=str(number)), MODEL)
    assert found is not None
    return found


async def on_disk(answers: Answers) -> tuple[int, int]:
    rows = await answers._database.read("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM answers")
    return rows[0][0], rows[0][1]


def big(size: int) -> Sequence[StreamEvent]:
    return TextDelta("x" * size), Finished(FinishReason.STOP)


async def test_an_answer_comes_back_as_it_was(tmp_path: Path, clock: Clock) -> None:
    """Text, reasoning, calls, tokens and the end, in their order; its pieces joined; from memory and from disk."""
    said = (
        Started("custom:m", "1"),
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        TextDelta("a"),
        TextDelta("é\ud800"),
        ToolCallDelta(0, "c", "run", '{"a":'),
        ToolCallDelta(0, "", "", "1}"),
        TextDelta("b"),
        UsageReport(Usage(3, 4, cache_read_tokens=1)),
        Finished(FinishReason.TOOL_CALLS),
    )
    joined = (ReasoningDelta("hm"), TextDelta("aé\ud800"), *said[5:])
    async with opened(tmp_path, clock, disk=True) as answers:
        await answers.keep(key(answers), said)
        assert await answers.find(key(answers)) == joined
    async with opened(tmp_path, clock, disk=True) as later:
        assert await later.find(key(later)) == joined
        assert await later.find(key(later, 1)) is None


@pytest.mark.parametrize(
    "events",
    [
        (TextDelta("x"),),
        (TextDelta("x"), Finished(FinishReason.LENGTH)),
        (TextDelta("x"), Finished(FinishReason.CONTENT_FILTER)),
        (Finished(FinishReason.STOP),),
        (ReasoningDelta("x"), Finished(FinishReason.STOP)),
        (),
    ],
    ids=["no end", "cut by its limit", "filtered", "empty", "only thought about", "nothing"],
)
async def test_only_whole_answers_are_kept(tmp_path: Path, clock: Clock, events: tuple[StreamEvent, ...]) -> None:
    """An answer that was cut is never given twice."""
    async with opened(tmp_path, clock, disk=True) as answers:
        await answers.keep(key(answers), events)
        assert await answers.find(key(answers)) is None
        assert await on_disk(answers) == (0, 0)


async def test_only_what_comes_out_the_same_has_a_key(tmp_path: Path, clock: Clock) -> None:
    """Temperature 0, of the request or else of the model's row; and never a probe, which asks whether it works."""
    chat = ChatRequest((Message("user", "hi"),))
    async with opened(tmp_path, clock) as answers:
        assert answers.key(FIM, MODEL)
        assert answers.key(chat, MODEL)
        assert answers.key(replace(FIM, temperature=0.1), MODEL) is None
        assert answers.key(chat, replace(MODEL, temperature=0.2)) is None
        assert answers.key(replace(chat, temperature=0.0), replace(MODEL, temperature=0.2))
        assert answers.key(replace(FIM, task=Task.PROBE), MODEL) is None
    async with opened(tmp_path, clock, enabled=False) as answers:
        assert answers.key(FIM, MODEL) is None
    async with opened(tmp_path, clock, owner=None) as answers:
        assert answers.key(FIM, MODEL) is None


OTHER = {
    FimRequest: {
        "prefix": "a",
        "suffix": "b",
        "path": "c",
        "language": "d",
        "max_tokens": 9,
        "stop": ("e",),
        "snippets": (Snippet("a.py", "a\n", 0, "tabs", "", 1.0),),
        "user": "somebody",
    },
    ChatRequest: {
        "messages": (Message("user", "a", (Image("b", "c"),), (ToolCall("d", "e", "f"),)),),
        "max_tokens": 9,
        "stop": ("e",),
        "tools": (Tool("a", "b", "c"),),
        "tool_choice": "auto",
        "json_mode": True,
        "json_schema": "{}",
        "thinking": False,
        "user": "somebody",
    },
    ModelSpec: {
        "id": "custom:n",
        "provider": "vllm",
        "endpoint_url": "http://127.0.0.1:2/v1",
        "upstream_id": "n",
        "chat_format": "anthropic-messages",
        "fim_format": "llama-infill",
        "fim_template": FimTemplate("a", "b", "c"),
        "context_window": 1,
        "max_tokens": 1,
        "prefill": True,
        "edit_format": "whole-file",
    },
}
SAME: dict[type, dict[str, object]] = {
    FimRequest: {"task": Task.REFACTOR, "model": "custom:m", "local_only": True},
    ChatRequest: {"task": Task.REFACTOR, "model": "custom:m", "local_only": True},
    ModelSpec: {
        "name": "N",
        "description": "d",
        "price": Price(Decimal(1), Decimal(1), date(2026, 1, 1), "t"),
        "has_key": True,
        "local_only": True,
        "max_concurrent": 1,
    },
}


@pytest.mark.parametrize("kind", [FimRequest, ChatRequest, ModelSpec])
async def test_everything_that_shapes_the_answer_is_in_the_key(tmp_path: Path, clock: Clock, kind: type) -> None:
    """Every field either changes the key or is known not to matter; and so does whose API key it is."""
    subject = {FimRequest: FIM, ChatRequest: ChatRequest((Message("user", "hi"),)), ModelSpec: MODEL}[kind]
    assert {field.name for field in fields(kind)} == OTHER[kind].keys() | SAME[kind].keys() | {"temperature"}
    async with opened(tmp_path, clock) as answers:

        def of(changed: object) -> str | None:
            if isinstance(changed, ModelSpec):
                return answers.key(FIM, changed)
            assert isinstance(changed, FimRequest | ChatRequest)
            return answers.key(changed, MODEL)

        keys = [of(replace(subject, **{name: value})) for name, value in OTHER[kind].items()]
        assert len({*keys, of(subject)}) == len(keys) + 1
        assert None not in keys
        for name, value in SAME[kind].items():
            assert of(replace(subject, **{name: value})) == of(subject), name
        mine = of(subject)
    async with opened(tmp_path, clock, owner="somebody else") as answers:
        assert of(subject) != mine


@settings(max_examples=30)
@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_texts_do_not_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    """`ab` + `c` is another request than `a` + `bc`."""
    answers = Answers(CacheSettings(), None, lambda _: "me", Clock())
    same = answers.key(FimRequest(a, b), MODEL) == answers.key(FimRequest(c, d), MODEL)
    assert same == ((a, b) == (c, d))


async def test_the_disk_is_off_until_it_is_asked_for(tmp_path: Path, clock: Clock) -> None:
    """No code of the user's is stored by default; and switching it off takes away what was stored."""
    assert not CacheSettings().disk
    async with opened(tmp_path, clock) as answers:
        await answers.keep(key(answers), WHOLE)
        assert await answers.find(key(answers)) == WHOLE
        assert await on_disk(answers) == (0, 0)
    async with opened(tmp_path, clock, disk=True) as answers:
        assert await answers.find(key(answers)) is None
        await answers.keep(key(answers), WHOLE)
        assert (await on_disk(answers))[0] == 1
    async with opened(tmp_path, clock) as answers:
        assert await answers.find(key(answers)) is None
        await answers.tidy()
        assert await on_disk(answers) == (0, 0)


async def test_an_answer_grows_old(tmp_path: Path, clock: Clock) -> None:
    """After its hours it is asked for again, from memory and from disk, and the disk is cleared of it."""
    async with opened(tmp_path, clock, disk=True, max_age_hours=2) as answers:
        await answers.keep(key(answers), WHOLE)
        clock.now += 7200
        assert await answers.find(key(answers)) == WHOLE
        clock.now += 1
        assert await answers.find(key(answers)) is None
    async with opened(tmp_path, clock, disk=True, max_age_hours=2) as answers:
        assert await answers.find(key(answers)) is None
        await answers.tidy()
        assert await on_disk(answers) == (0, 0)
        await answers.keep(key(answers), WHOLE)
        clock.now -= 1
        assert await answers.find(key(answers)) is None, "an answer from the future: the clock was set back"


async def test_the_bounds_hold(tmp_path: Path, clock: Clock) -> None:
    """However much is kept, memory and disk hold no more than they may; the oldest go first, the newest stay."""
    async with opened(tmp_path, clock, disk=True, max_mb=1) as answers:
        for number in range(40):
            clock.now += 1
            await answers.keep(key(answers, number), big(100_000))
            assert answers._memory._bytes <= MEBIBYTE
            assert (await on_disk(answers))[1] <= MEBIBYTE
        assert await answers.find(key(answers, 39)) is not None
        answers._memory.clear()
        assert await answers.find(key(answers, 0)) is None
        assert await answers.find(key(answers, 39)) is not None


async def test_memory_gives_up_what_was_not_used_for_longest(tmp_path: Path, clock: Clock) -> None:
    """Used is not kept: what is asked for again and again stays."""
    async with opened(tmp_path, clock) as answers:
        size = MEMORY_BYTES // 10
        for number in range(20):
            await answers.keep(key(answers, number), big(size))
            assert await answers.find(key(answers, 0)) is not None
        assert await answers.find(key(answers, 1)) is None


async def test_an_answer_that_would_push_out_the_others_is_not_kept(tmp_path: Path, clock: Clock) -> None:
    """Not in memory, nor on disk."""
    async with opened(tmp_path, clock, disk=True, max_mb=1) as answers:
        await answers.keep(key(answers), big(MEBIBYTE // 2))
        assert await answers.find(key(answers)) is None
        assert await on_disk(answers) == (0, 0)


async def test_everything_can_be_forgotten(tmp_path: Path, clock: Clock) -> None:
    """In memory and on disk."""
    async with opened(tmp_path, clock, disk=True) as answers:
        await answers.keep(key(answers), WHOLE)
        await answers.forget()
        assert await answers.find(key(answers)) is None
        assert await on_disk(answers) == (0, 0)


@pytest.mark.parametrize(
    "blob", [b"", b"\xff", b"1", b"[1]", b'[["no"]]', b'[["end","no"]]', b'[["text"]]', b'[["usage",1,2,3,4,5,6]]']
)
async def test_a_damaged_row_costs_no_answer(tmp_path: Path, clock: Clock, blob: bytes) -> None:
    """It is as if it had never been kept."""
    async with opened(tmp_path, clock, disk=True) as answers:
        await answers._database.write("INSERT INTO answers VALUES (?, ?, 1, ?)", (key(answers), blob, clock()))
        assert await answers.find(key(answers)) is None


async def test_a_broken_disk_costs_no_answer(tmp_path: Path, clock: Clock) -> None:
    """What cannot be read was never kept; what cannot be written is in memory."""
    async with opened(tmp_path, clock, disk=True) as answers:
        await answers._database.write("DROP TABLE answers")
        await answers.keep(key(answers), WHOLE)
        assert await answers.find(key(answers)) == WHOLE
        assert await answers.find(key(answers, 1)) is None
        await answers.tidy()
