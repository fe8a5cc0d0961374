"""The real router on real sockets and a real database, with time in the hands of a test."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.domain.errors import BeastModeError
from beastmode.domain.model import Provider
from beastmode.domain.response import Finished, Started, TextDelta, ToolCallDelta
from beastmode.domain.routing import Policy
from beastmode.ledger.ledger import Ledger
from beastmode.router import limits as limits_module
from beastmode.router import router as router_module
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.breaker import Breakers
from beastmode.router.flights import Flights
from beastmode.router.latency import Latencies
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


class Clock:
    """Seconds that pass while the router pauses and when a test says so, and at no other time.

    Attributes:
        now: Unix time.
        pauses: how long the router paused, in order.
    """

    def __init__(self) -> None:
        self.now = START
        self.pauses: list[float] = []
        self._limits: dict[asyncio.Timeout, float] = {}

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """In the place of asyncio's."""
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        """In the place of asyncio's."""
        async with asyncio.timeout(None) as limit:
            self._limits[limit] = self.now + seconds
            try:
                yield
            finally:
                del self._limits[limit]

    def wait(self, seconds: float) -> None:
        """Let time pass for whoever waits."""
        self.now += seconds
        for limit, end in self._limits.items():
            if end <= self.now:
                limit.reschedule(asyncio.get_running_loop().time())


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
        prefilling: ids of the providers whose models go on with the beginning of an answer.
    """

    def __init__(self, transport: Transport, database: Database, clock: Clock, models: Sequence[ModelSpec]) -> None:
        self.models = tuple(models)
        self.clock = clock
        self.kept: list[tuple[str, tuple[StreamEvent, ...]]] = []
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

    def get(self, model_id: str) -> ModelSpec:
        return next(model for model in self.models if model.id == model_id)

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        return self.models

    def hard(self, task: Task) -> None:
        return None

    def provider(self, provider_id: str) -> Provider:
        prefill = provider_id in self.prefilling
        return Provider(provider_id, "", "bearer", ("openai-chat",), ("openai-completions",), prefill=prefill)

    def may_use(self, user: str, model_id: str) -> bool:
        return True

    def is_paid(self, model: ModelSpec) -> bool:
        return False

    def policy(self) -> Policy:
        return Policy()

    async def locate(self, model: ModelSpec) -> Endpoint:
        return Endpoint(model.endpoint_url, {"authorization": f"Bearer {KEY}"})

    def mask(self, request: Request) -> tuple[Request, int]:
        return request, 0

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: Request, request_id: str, reason: str) -> AsyncIterator[str]:
        yield uuid4().hex

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
        timely = SimpleNamespace(**{**vars(asyncio), "sleep": clock.sleep, "timeout": clock.timeout})
        monkeypatch.setattr(router_module, "asyncio", timely)
        monkeypatch.setattr(limits_module, "asyncio", timely)
        monkeypatch.setattr(limits_module, "monotonic", clock)
        yield world
    finally:
        await transport.aclose()
