"""What a load test must not do: spend more than was agreed on, ask elsewhere, go on without hope, lose what it has."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.attempts import GPT4
from tests.support.virtual_time import run_virtually

from beastmode.domain.errors import BeastModeError, NotAllowed, RateLimited, ServerFailed, UserError
from beastmode.domain.model import BUILTIN_ID, ModelSpec
from beastmode.domain.response import StreamEvent, TextDelta
from beastmode.domain.usage import Price, Usage
from beastmode.operations.loadtest.as_html import as_html
from beastmode.operations.loadtest.drive import HOPELESS, Driver, Stage
from beastmode.operations.loadtest.load import (
    MOST_AT_ONCE,
    Load,
    expense,
    require_affordable,
    require_own_origin,
)
from beastmode.operations.loadtest.measure import Sample, figures, uncoordinated
from beastmode.operations.loadtest.result import Result, asked_of, compare, result_of
from beastmode.operations.loadtest.run import Purse
from beastmode.operations.loadtest.tables import changes, headline, latencies, rates

MODEL = ModelSpec("custom:m", "M", "openai-compatible", "https://models.example/v1", "m", "openai-chat", None)
EVIL = "<img src=x onerror=alert(1)>"


def test_nothing_is_sent_that_could_cost_too_much() -> None:
    """The most that it can cost is agreed on before; without an agreement, or a price, a paid model is not tested."""
    load = Load(requests=10, concurrency=(1, 2), warm_up=1)
    free = expense(load, MODEL, None, is_paid=False)
    assert (free.requests, free.most, free.is_local) == (21, 0, False)
    require_affordable(free, MODEL.id, None)
    paid = expense(load, MODEL, GPT4, is_paid=True)
    assert paid.most is not None
    assert paid.most > 21 * 64 * Decimal(60) / 1_000_000
    for agreed in (None, Decimal("0.01")):
        with pytest.raises(UserError, match=r"\$") as raised:
            require_affordable(paid, MODEL.id, agreed)
        asked = re.search(r"\d+\.\d\d", raised.value.fix)
        assert asked is not None
        require_affordable(paid, MODEL.id, Decimal(asked.group()))
    with pytest.raises(UserError, match="could cost anything"):
        require_affordable(expense(load, MODEL, None, is_paid=True), MODEL.id, Decimal(1000))


def test_the_purse_counts_what_is_under_way() -> None:
    """What an endpoint charges in spite of its limits ends the test, at most one request too late."""
    purse = Purse(Price(Decimal(0), Decimal(1_000_000), GPT4.as_of, "test"), Decimal(5))
    for _ in range(2):
        purse.hold(Decimal(2))
    with pytest.raises(NotAllowed):
        purse.hold(Decimal(2))
    purse.pay(Decimal(2), Usage(1, 1))
    purse.hold(Decimal(2))
    purse.pay(Decimal(2), Usage(1, 50))
    assert purse.spent == 51
    with pytest.raises(NotAllowed):
        purse.hold(Decimal(0))


def test_no_other_origin_is_asked() -> None:
    """Neither another host nor another port or scheme; the built-in model only on this machine."""
    require_own_origin(MODEL, "https://models.example:443/v1/chat")
    for url in ("https://other.example/v1", "http://models.example/v1", "https://models.example:8443/v1"):
        with pytest.raises(UserError, match=r"not https://models\.example"):
            require_own_origin(MODEL, url)
    builtin = replace(MODEL, id=BUILTIN_ID)
    require_own_origin(builtin, "http://127.0.0.1:5000")
    with pytest.raises(UserError):
        require_own_origin(builtin, "https://models.example/v1")


@pytest.mark.parametrize(
    "load", [Load(concurrency=(MOST_AT_ONCE + 1,)), Load(requests=200_000), Load(rate=10_000.0, duration_s=60.0)]
)
def test_more_than_a_test_should_be(load: Load) -> None:
    """Is refused before anything is sent."""
    with pytest.raises(UserError, match="too many"):
        load.check()


def test_no_two_requests_are_the_same() -> None:
    """So that no cache of the endpoint answers; and a model that cannot chat fills holes."""
    load = Load(prompt_tokens=50)
    assert len({load.request(number, MODEL) for number in range(100)}) == 100
    filling = load.request(1, replace(MODEL, chat_format=None, fim_format="openai-completions"))
    assert filling.max_tokens == 64


def drive(load: Load, answers: list[BeastModeError | None]) -> list[Stage]:
    """Each request takes a second and ends as it is told to; the last answer is that of all that follow."""

    async def ask(number: int) -> AsyncGenerator[StreamEvent]:
        await asyncio.sleep(1)
        error = answers[min(number, len(answers) - 1)]
        if error is not None:
            raise error
        yield TextDelta("answer")

    async def run() -> list[Stage]:
        return await Driver(load, ask, lambda _message, _part: None).run()

    return run_virtually(run())


def test_errors_are_counted_by_kind() -> None:
    """And are not among the times."""
    failed = [RateLimited("slow", status=429), *[ServerFailed("oh", status=500)] * 2, None]
    (stage,) = drive(Load(requests=8, concurrency=(2,), warm_up=0), failed)
    step = figures(2, None, stage.samples)
    assert (step.requests, step.answered, step.errors) == (8, 5, {"server_failed": 2, "rate_limited": 1})
    assert step.examples == {"rate_limited": "slow", "server_failed": "oh"}
    assert len(step.latencies_s) == 5


def test_a_hopeless_test_ends() -> None:
    """Where the first ten all fail, a hundred more are not sent, and the reason is said."""
    with pytest.raises(UserError, match=f"first {HOPELESS} requests all failed: oh"):
        drive(Load(requests=100, concurrency=(5,), warm_up=0), [ServerFailed("oh", status=500)])


@pytest.mark.parametrize("load", [Load(requests=50, concurrency=(2, 4), warm_up=0), Load(rate=5.0, duration_s=20.0)])
def test_a_cap_that_is_reached_ends_the_test_and_keeps_what_it_knows(load: Load) -> None:
    """Every further step is left out; what was measured until then is reported, with the reason."""
    stages = drive(load, [None] * 12 + [NotAllowed("The daily cap is reached")])
    assert [stage.stopped for stage in stages] == ["The daily cap is reached"]
    assert 10 <= len(stages[0].samples) <= 12
    with pytest.raises(NotAllowed):
        drive(load, [NotAllowed("The daily cap is reached")])


def test_what_is_never_answered_does_not_fill_this_machine() -> None:
    """An open loop stops where a thousand requests are unanswered."""

    async def ask(_number: int) -> AsyncGenerator[StreamEvent]:
        await asyncio.sleep(3600)
        yield TextDelta("late")

    async def run() -> list[Stage]:
        return await Driver(Load(rate=1000.0, duration_s=10.0, warm_up=0), ask, lambda _message, _part: None).run()

    (stage,) = run_virtually(run())
    assert len(stage.samples) == MOST_AT_ONCE
    assert "unanswered" in stage.stopped


def test_a_test_that_is_cancelled_stops_asking() -> None:
    """Within the turn of the loop, and its requests are closed."""
    open_now = 0

    async def ask(_number: int) -> AsyncGenerator[StreamEvent]:
        nonlocal open_now
        open_now += 1
        try:
            await asyncio.sleep(3600)
            yield TextDelta("late")
        finally:
            open_now -= 1

    async def run() -> None:
        driver = Driver(Load(requests=9, concurrency=(3,), warm_up=0), ask, lambda _message, _part: None)
        task = asyncio.ensure_future(driver.run())
        await asyncio.sleep(1)
        assert open_now == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_now == 0

    run_virtually(run())


def result(*seconds: float, name: str = "custom:m", load: Load = Load()) -> Result:  # noqa: B008 - frozen
    samples = [Sample(float(at), float(at), at + each / 2, at + each, 10) for at, each in enumerate(seconds)]
    samples.append(Sample(99.0, 99.0, None, 100.0, error="timed_out", message=EVIL))
    step = figures(10, None, samples, "")
    return Result(name, "http://127.0.0.1:1", "2026-01-01T00:00:00+00:00", asked_of(load), (step,), "0.01")


def test_a_result_is_read_as_it_was_written() -> None:
    """To the microsecond; and nothing else is taken for one."""
    made = result(*(0.1 + number / 1000 for number in range(50)))
    read = result_of(json.loads(json.dumps(made.as_json())), "old.json")
    assert read.steps[0].latencies_s == pytest.approx(made.steps[0].latencies_s, abs=1e-6)
    assert (read.steps[0].errors, read.cost, read.answered) == ({"timed_out": 1}, "0.01", 50)
    for wrong in ([], {}, {"version": 2}, {**made.as_json(), "steps": [{"name": 1}]}, "text", None):
        with pytest.raises(UserError, match=r"old.json"):
            result_of(wrong, "old.json")


def test_two_tests_are_compared_beyond_chance() -> None:
    """Twice as slow is sure with a hundred requests, and may be chance with five; other prompts are not compared."""
    fast, slow = ([0.1 + number / 1000 for number in range(100)], [0.4 + number / 1000 for number in range(100)])
    found = compare(result(*fast), result(*slow))
    assert next(each for each in found if each.what == "latency p50").is_sure
    assert not any(each.is_sure for each in compare(result(*fast), result(*fast[::-1])))
    few = compare(result(*fast[:5]), result(*slow[:5]))
    assert not any(each.is_sure for each in few if each.what.endswith("p99"))
    assert "beyond chance" in changes(found).rows[0]
    with pytest.raises(UserError, match="max_tokens"):
        compare(result(*fast), result(*slow, load=Load(max_tokens=7)))
    other = result(*slow)
    with pytest.raises(UserError, match="no step in common"):
        compare(result(*fast), replace(other, steps=(replace(other.steps[0], name="3 at once"),)))


def test_nothing_of_an_endpoint_runs_on_the_page() -> None:
    """Whatever a model is called or an error says."""
    made = result(0.1, 0.2, name=EVIL)
    page = as_html(replace(made, steps=(replace(made.steps[0], stopped=EVIL, errors={EVIL: 1}),)), compare(made, made))
    assert not re.search(r"<(img|script)|<[^>]*\son\w+\s*=", page)
    assert "default-src 'none'" in page
    assert "Beside the earlier test" in page


def test_a_long_test_makes_no_huge_page_and_takes_no_huge_memory() -> None:
    """A hundred thousand answers, of which some took a million times the usual."""
    made = result(*[0.0001] * 100_000, *[100.0] * 20)
    assert len(uncoordinated(made.steps[0].latencies_s)) < 400_000
    assert len(as_html(made)) < 1_000_000


def test_a_test_without_an_answer_has_no_times() -> None:
    """Nothing is divided by nothing."""
    empty = result()
    assert uncoordinated([]) == []
    assert latencies(empty).rows[0][1:] == ("-",) * 5
    assert rates(empty).rows[0][2] == "0"
    assert "0 of 1" in headline(empty)[0]
    assert as_html(empty)
    assert empty.as_json()["steps"][0]["latency"] is None
