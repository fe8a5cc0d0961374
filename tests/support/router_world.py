"""The real router on real sockets and a real database, with the clock, the pauses and the limits in a test's hands."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError
from beastmode.domain.model import Provider, origin_of
from beastmode.domain.response import Finished, Started, TextDelta, ToolCallDelta
from beastmode.domain.routing import Policy
from beastmode.ledger.ledger import Ledger
from beastmode.router import ask as ask_module
from beastmode.router import limits as limits_module
from beastmode.router import router as router_module
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.breaker import Breakers
from beastmode.router.flights import Flights
from beastmode.router.latency import Latencies
from beastmode.router.limits import Limits
from beastmode.router.room import Rooms
from beastmode.router.router import Router
from beastmode.transport import Network, Transport

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Sequence

    import pytest

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request, Task
    from beastmode.domain.response import FinishReason, StreamEvent
    from beastmode.store import Database

START = 1_800_000_000.0
KEY = "sk-never-to-be-seen"
GENEROUS = Limits(connect=20.0, first_token=20.0, idle=20.0, total=20.0)
"""On a busy machine too, a try passes none of them by accident."""


class Clock:
    """Unix time that passes while the router pauses, and at no other time.

    Attributes:
        now: seconds.
        pauses: how long the router paused, in order.
    """

    def __init__(self) -> None:
        self.now = START
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass(slots=True)
class Got:
    """What a caller got.

    Attributes:
        text: all that it was shown.
        model: who was named last.
        finish: why the answer ended; None where it did not say so.
        error: what was raised.
        started: who was named, in order.
        calls: the pieces of tool calls.
        rows_at_end: how many rows there were when the end of the answer was seen.
    """

    text: str = ""
    model: str = ""
    finish: FinishReason | None = None
    error: BeastModeError | None = None
    started: tuple[str, ...] = ()
    calls: tuple[ToolCallDelta, ...] = ()
    rows_at_end: int = 0


class World:
    """Models, a router, a ledger. It stands in for the registry, the keys, the policies and the memory.

    Args:
        transport: real.
        database: real.
        clock: for all that has one.
        models: the chain.

    Attributes:
        kept: what was kept in memory for later: the model whose answer it is said to be, and the events.
        limits: of tries at an origin; generous where there are none.
        prefilling: ids of the providers whose models go on with the beginning of an answer.
    """

    def __init__(self, transport: Transport, database: Database, clock: Clock, models: Sequence[ModelSpec]) -> None:
        self.models = tuple(models)
        self.clock = clock
        self.kept: list[tuple[str, tuple[StreamEvent, ...]]] = []
        self.limits: dict[str, Limits] = {}
        self.prefilling: set[str] = set()
        self.breakers = Breakers(clock)
        self._database = database
        self._page = 0
        latencies = Latencies()
        asker = Asker(
            transport,
            rooms=Rooms(),
            breakers=self.breakers,
            latencies=latencies,
            masker=self,
            observers=(Ledger(database),),
            clock=clock,
        )
        self.router = Router(
            self,
            self,
            asker,
            breakers=self.breakers,
            latencies=latencies,
            flights=Flights(),
            spending=self,
            answers=self,
        )

    async def stream(self, request: Request) -> Got:
        """Read the answer as it comes."""
        got = Got()
        try:
            async with aclosing(self.router.stream(request)) as events:
                async for event in events:
                    assert got.finish is None, "nothing comes after the end"
                    match event:
                        case Started():
                            got.model, got.started = event.model, (*got.started, event.model)
                        case TextDelta():
                            got.text += event.text
                        case ToolCallDelta():
                            got.calls += (event,)
                        case Finished():
                            got.finish, got.rows_at_end = event.reason, len(await self.rows())
                        case _:
                            pass
        except BeastModeError as error:
            got.error = error
        return got

    async def complete(self, request: Request) -> Got:
        """Take the answer as a whole."""
        try:
            answer = await self.router.complete(request)
        except BeastModeError as error:
            return Got(error=error)
        return Got(answer.text, answer.model, answer.finish, rows_at_end=len(await self.rows()))

    async def rows(self) -> list[sqlite3.Row]:
        """What was added to the ledger since the last `turn_page`, in the order of writing."""
        return await self._database.read("SELECT * FROM attempts ORDER BY rowid LIMIT -1 OFFSET ?", (self._page,))

    async def turn_page(self) -> None:
        """From here on, only what is new counts."""
        self._page += len(await self.rows())
        self.kept.clear()
        self.clock.pauses.clear()

    def limits_for(self, url: str, _task: Task, _usual_s: float | None) -> Limits:
        return self.limits.get(origin_of(url), GENEROUS)

    def get(self, model_id: str) -> ModelSpec:
        return next(model for model in self.models if model.id == model_id)

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        return self.models

    def hard(self, task: Task) -> None:
        return None

    def provider(self, provider_id: str) -> Provider:
        prefill = provider_id in self.prefilling
        return Provider(provider_id, "", "bearer", ("openai-chat",), ("openai-completions",), prefill=prefill)

    def is_paid(self, model: ModelSpec) -> bool:
        return False

    def policy(self) -> Policy:
        return Policy()

    async def locate(self, model: ModelSpec) -> Endpoint:
        return Endpoint(model.endpoint_url, {"authorization": f"Bearer {KEY}"})

    def mask(self, request: Request) -> tuple[Request, int]:
        return request, 0

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: Request) -> AsyncIterator[None]:
        yield

    async def prepare(self) -> None:
        pass

    def key(self, request: Request, model: ModelSpec) -> str:
        return model.id

    async def find(self, key: str) -> None:
        return None

    async def keep(self, key: str, events: Sequence[StreamEvent]) -> None:
        self.kept.append((key, tuple(events)))


@asynccontextmanager
async def opened(database: Database, monkeypatch: pytest.MonkeyPatch, *models: ModelSpec) -> AsyncIterator[World]:
    """A world whose pauses take no time, and whose jitter is always half of what it may be."""
    clock = Clock()
    transport = Transport(Network(), clock)
    try:
        world = World(transport, database, clock, models)
        await world.turn_page()
        monkeypatch.setattr("beastmode.router.router.random.random", lambda: 0.5)
        monkeypatch.setattr(router_module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": clock.sleep}))
        monkeypatch.setattr(ask_module, "limits_for", world.limits_for)
        monkeypatch.setattr(limits_module, "USAGE_GRACE", GENEROUS.idle)
        yield world
    finally:
        await transport.aclose()
