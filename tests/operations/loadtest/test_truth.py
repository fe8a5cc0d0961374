"""What a load test reports beside the truth, which the endpoint's rule tells; time is virtual, sockets are real."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from math import ceil

import pytest
from tests.support.model_server import ModelServer
from tests.support.virtual_time import VirtualLoop, run_virtually

from beastmode.domain.model import ModelSpec
from beastmode.domain.response import Finished, FinishReason, StreamEvent, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.operations.loadtest.drive import Ask, Driver
from beastmode.operations.loadtest.load import Load
from beastmode.operations.loadtest.measure import QUANTILES, Figures, figures, percentile, saturation
from beastmode.operations.loadtest.run import run_load
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.breaker import Breakers
from beastmode.router.latency import Latencies
from beastmode.router.room import Rooms
from beastmode.transport import Network, Transport

CLOSE = 0.03
STALL = (2.0, 3.5)


def frozen(begins: float, work: float, stall: tuple[float, float]) -> float:
    """When a piece of work ends that nobody goes on with during the stall."""
    done = begins + work
    if done <= stall[0] or begins >= stall[1]:
        return done
    return stall[1] + (done - max(begins, stall[0]))


def endpoint(seconds: Callable[[int], float], stall: tuple[float, float] = (1e9, 1e9), slots: int = 10**6) -> Ask:
    """One with so many slots, that works so long on each request, and on none while it stalls."""
    places, began = asyncio.Semaphore(slots), None

    async def ask(number: int) -> AsyncGenerator[StreamEvent]:
        nonlocal began
        loop = asyncio.get_running_loop()
        began = loop.time() if began is None else began
        async with places:
            now = loop.time() - began
            await asyncio.sleep(frozen(now, seconds(number), stall) - now)
            yield TextDelta("answer")
            yield UsageReport(Usage(10, 5))
        yield Finished(FinishReason.STOP)

    return ask


def steps(load: Load, ask: Callable[[], Ask]) -> list[Figures]:
    async def run() -> list[Figures]:
        stages = await Driver(load, ask(), lambda _message, _part: None).run()
        return [figures(stage.concurrency, stage.rate, stage.samples, stage.stopped) for stage in stages]

    return run_virtually(run())


def assert_close(reported: Sequence[float], truth: Sequence[float]) -> None:
    for q in QUANTILES:
        true = sorted(truth)[ceil(q * len(truth)) - 1]
        assert percentile(sorted(reported), q).value == pytest.approx(true, rel=CLOSE), q


def test_an_open_loop_feels_a_stall() -> None:
    """Every request that was meant to be sent while the endpoint stalls waits for the rest of the stall."""
    load = Load(rate=50.0, duration_s=10.0, warm_up=0)
    (step,) = steps(load, lambda: endpoint(lambda _number: 0.1, STALL))
    truth = [frozen(number / 50, 0.1, STALL) - number / 50 for number in range(500)]
    assert_close(step.latencies_s, truth)
    assert percentile(sorted(truth), 0.95).value > 0.5, "the stall is in the percentiles"
    assert step.throughput == pytest.approx(500 / 10.08, rel=CLOSE)


def test_an_open_loop_is_not_held_back_by_a_full_endpoint() -> None:
    """More than it can do: waiting grows, and counts from the moment at which a request was meant to be sent."""
    load = Load(rate=20.0, duration_s=5.0, warm_up=0)
    (step,) = steps(load, lambda: endpoint(lambda _number: 0.1, slots=1))
    assert_close(step.latencies_s, [0.1 * (number + 1) - number / 20 for number in range(100)])


def test_an_open_loop_feels_its_own_stall() -> None:
    """What could not be sent in time, because this program stood still, waited for that, too."""
    fast = endpoint(lambda _number: 0.09)

    async def ask(number: int) -> AsyncGenerator[StreamEvent]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        if number == 100:
            loop.block(1.0)
        async for event in fast(number):
            yield event

    (step,) = steps(Load(rate=50.0, duration_s=6.0, warm_up=0), lambda: ask)
    under_way = [3.0 - number / 50 for number in range(96, 100)]
    late = [3.09 - number / 50 for number in range(100, 150)]
    assert_close(step.latencies_s, [0.09] * 246 + under_way + late)
    assert percentile(step.latencies_s, 0.9).value > 0.4


def test_a_closed_loop_omits_and_is_corrected() -> None:
    """Its own times hide the stall; with what its callers did not send they are those of steady callers."""
    load = Load(requests=1000, concurrency=(10,), warm_up=0)
    (step,) = steps(load, lambda: endpoint(lambda _number: 0.1, STALL))
    assert percentile(step.latencies_s, 0.95).value == pytest.approx(0.1, rel=CLOSE), "ten of a thousand felt it"
    steady = [frozen(0.1 * turn, 0.1, STALL) - 0.1 * turn for turn in range(115)] * 10
    assert_close(step.corrected_s(), steady)
    assert percentile(step.corrected_s(), 0.95).value > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_times_of_any_shape(seed: int) -> None:
    """Exactly those of the endpoint where nothing is omitted; the median's interval holds its true value."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    drawn = [chance.lognormvariate(-2, 0.15) for _ in range(400)]
    (step,) = steps(Load(requests=400, concurrency=(7,), warm_up=0), lambda: endpoint(drawn.__getitem__))
    assert step.latencies_s == pytest.approx(sorted(drawn))
    found = percentile(step.latencies_s, 0.5)
    assert (found.low or 1) < 2.718281828**-2 < (found.high or 0)
    assert step.corrected_s() == step.latencies_s, "no answer took twice the usual time"


def test_where_it_saturates() -> None:
    """An endpoint with four slots gives no more to eight callers than to four."""
    load = Load(requests=64, concurrency=(1, 2, 4, 8, 16), warm_up=0)
    found = steps(load, lambda: endpoint(lambda _number: 0.1, slots=4))
    assert [round(step.throughput) for step in found] == [10, 20, 40, 40, 40]
    bend = saturation(found)
    assert bend is not None
    assert bend.concurrency == 4
    assert saturation(found[:3]) is None, "the last step still gained"
    assert found[3].latencies_s[-1] == pytest.approx(0.2, rel=CLOSE)


class Bare:
    """Masks and holds nothing."""

    async def prepare(self) -> None:
        pass

    def mask(self, request: object) -> tuple[object, int]:
        return request, 0

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: object) -> AsyncGenerator[None]:
        yield


@pytest.mark.parametrize(
    "load", [Load(requests=60, concurrency=(6,)), Load(rate=20.0, duration_s=3.0)], ids=["closed", "open"]
)
def test_over_real_sockets(load: Load) -> None:
    """The router's own way to an endpoint of known delay: the first text, the whole answer, the tokens."""

    async def run() -> Figures:
        async with ModelServer("one two three four five", spec="ttft=200+drip=50") as server:
            transport = Transport(Network())
            asker = Asker(
                transport,
                rooms=Rooms(),
                breakers=Breakers(asyncio.get_running_loop().time),
                latencies=Latencies(),
                masker=Bare(),  # type: ignore[arg-type]
                observers=(),
                clock=lambda: 0.0,
            )
            model = ModelSpec("custom:m", "M", "openai-compatible", server.base, "mock", "openai-chat", None)
            result = await run_load(
                load,
                model,
                Endpoint(server.base, {}),
                asker,
                hold=Bare().hold,
                price=None,
                max_cost=None,
                say=lambda _message, _part: None,
            )
            await transport.aclose()
        return result.steps[0]

    step = run_virtually(run(), grace_s=0.005)
    assert (step.requests, step.answered, step.errors) == (60, 60, {})
    assert_close(step.latencies_s, [0.4] * 60)
    assert_close(step.first_s, [0.2] * 60)
    assert not step.estimated
    assert percentile(step.rates, 0.5).value == pytest.approx(4 / 0.2, rel=CLOSE)
