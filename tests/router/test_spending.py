"""The caps: nothing is asked that could pass one, whatever goes on at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import count, cycle
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.attempts import ROW

from beastmode.domain.errors import BudgetSpent, NotAllowed
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Image, Message, Request, Tool
from beastmode.domain.routing import Policy
from beastmode.domain.usage import Price
from beastmode.ledger.ledger import Ledger
from beastmode.router.spending import IMAGE_TOKENS, Spending, worst_cost
from beastmode.store import Database

BERLIN = ZoneInfo("Europe/Berlin")
DOLLAR = Price(Decimal(0), Decimal(1_000_000), date(2026, 1, 1), "a test")
"""A dollar for each token of the answer, nothing for the prompt."""


def model(max_tokens: int = 4000) -> ModelSpec:
    return ModelSpec("p:m", "M", "p", "https://api.example/v1", "m", "c", "f", max_tokens=max_tokens)


def fim(tokens: int) -> FimRequest:
    return FimRequest("x", "", max_tokens=tokens)


@dataclass
class World:
    """The ledger of a database, a clock that the test moves, and a policy."""

    database: Database
    policy: Policy = field(default_factory=Policy)
    price: Price | None = DOLLAR
    paid: bool = True
    now: float = datetime(2026, 11, 22, 12, tzinfo=BERLIN).timestamp()
    budgets: dict[str, Policy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.database)

    def spending(self) -> Spending:
        return Spending(
            policy=lambda: self.policy,
            budget=self.budgets.get,
            holds=self.ledger.holds,
            price_of=self.price_of,
            is_paid=lambda _: self.paid,
            clock=lambda: self.now,
            zone=BERLIN,
        )

    async def price_of(self, model: ModelSpec) -> Price | None:
        return self.price

    async def ask(self, spending: Spending, request: Request, cost: int) -> None:
        async with spending.hold(model(), request) as attempt_id:
            await self.paid_for(cost, attempt_id=attempt_id)

    async def paid_for(self, cost: int, at: float | None = None, user: str = "", attempt_id: str = "") -> None:
        """A row of the ledger, now or at another moment."""
        moment = self.now if at is None else at
        row = replace(ROW, id=attempt_id or uuid4().hex, started_at=moment, cost=Decimal(cost), user=user)
        await self.ledger.observe(row)


def capped(daily: int | None = None, monthly: int | None = None) -> Policy:
    return Policy(
        daily_cap=None if daily is None else Decimal(daily), monthly_cap=None if monthly is None else Decimal(monthly)
    )


_days = count(1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cap=st.integers(0, 20), asked=st.lists(st.tuples(st.integers(1, 8), st.floats(0, 1)), max_size=12))
async def test_requests_at_the_same_time_never_pass_the_cap(
    database: Database, cap: int, asked: list[tuple[int, float]]
) -> None:
    """However many there are, in whichever window or replica, and however little each of them really costs."""
    now = World.now + next(_days) * 90_000
    worlds = [World(database, capped(daily=cap), now=now) for _ in range(2)]
    tasks = [
        world.ask(world.spending(), fim(worst), round(worst * share))
        for world, (worst, share) in zip(cycle(worlds), asked, strict=False)
    ]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, NotAllowed) for result in results)
    assert await worlds[0].ledger.spent(now - 1) <= cap
    if sum(worst for worst, _ in asked) <= cap:
        assert results == [None] * len(asked)
    for world in worlds:
        await world.ledger.holds.aclose()
    assert await database.read("SELECT * FROM holds") == []


async def test_up_to_the_cap_and_not_beyond(database: Database) -> None:
    """The request that would reach the cap is asked; the one that would pass it is not, and the reason is given."""
    world = World(database, capped(daily=10))
    await world.paid_for(4)
    await world.ask(world.spending(), fim(6), 6)
    with pytest.raises(NotAllowed) as refused:
        await world.ask(world.spending(), fim(1), 1)
    text = str(refused.value)
    for said in ("p:m", "daily cap", "could cost $1.00", "of $10.00", "$10.00 is spent", "--daily-cap", "tomorrow"):
        assert said in text
    assert await world.ledger.spent(0) == 10


async def test_what_was_held_back_is_given_back(database: Database) -> None:
    """Whether the try went well, failed, was cancelled, or never began."""
    world = World(database, capped(daily=1))
    spending, holding = world.spending(), asyncio.Event()

    async def fail() -> None:
        async with spending.hold(model(), fim(1)):
            raise ZeroDivisionError

    async def hang() -> None:
        async with spending.hold(model(), fim(1)):
            holding.set()
            await asyncio.Event().wait()

    async with spending.hold(model(), fim(1)):
        with pytest.raises(NotAllowed, match="under way"):
            await fail()
    with pytest.raises(ZeroDivisionError):
        await fail()
    for moment in (asyncio.sleep(0), holding.wait()):  # while it is being held back, and after
        task = asyncio.create_task(hang())
        await moment
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with spending.hold(model(), fim(1)):
        pass


@pytest.mark.parametrize(
    ("moment", "day_before", "day_since"),
    [
        ((2026, 11, 22, 0, 0), (2026, 11, 21, 23, 59), (2026, 11, 22, 0, 0)),
        ((2026, 3, 29, 23, 59), (2026, 3, 28, 23, 59), (2026, 3, 29, 0, 0)),
        ((2026, 10, 25, 23, 59), (2026, 10, 24, 23, 59), (2026, 10, 25, 0, 0)),
        ((2026, 12, 1, 0, 0), (2026, 11, 30, 23, 59), (2026, 12, 1, 0, 0)),
    ],
    ids=["midnight", "the clocks were put forward", "the clocks were put back", "a new month"],
)
async def test_a_day_is_a_day_of_the_wall_clock(
    database: Database, moment: tuple[int, ...], day_before: tuple[int, ...], day_since: tuple[int, ...]
) -> None:
    """What was spent at its first minute counts, what was spent a minute earlier does not."""

    def at(parts: tuple[int, ...]) -> float:
        year, month, day, hour, minute = parts
        return datetime(year, month, day, hour, minute, tzinfo=BERLIN).timestamp()

    world = World(database, capped(daily=1), now=at(moment))
    await world.paid_for(1, at(day_before))
    await world.ask(world.spending(), fim(1), 0)
    await world.paid_for(1, at(day_since))
    with pytest.raises(NotAllowed, match="daily cap"):
        await world.ask(world.spending(), fim(1), 0)


async def test_the_month_ends_at_its_own_midnight(database: Database) -> None:
    """Across the change to summer time too."""
    world = World(database, capped(monthly=1), now=datetime(2026, 3, 31, 23, 59, tzinfo=BERLIN).timestamp())
    await world.paid_for(1, datetime(2026, 3, 1, tzinfo=BERLIN).timestamp())
    with pytest.raises(NotAllowed, match=r"monthly cap.*next month"):
        await world.ask(world.spending(), fim(1), 0)
    world.now += 60
    await world.ask(world.spending(), fim(1), 0)


async def test_no_cap_nothing_is_looked_up(database: Database) -> None:
    """Neither a price nor the database: it costs nothing to have no cap."""

    class Unasked(World):
        async def price_of(self, model: ModelSpec) -> Price | None:
            raise AssertionError

    await database.close()
    async with Unasked(database).spending().hold(model(), fim(10**9)):
        pass


@pytest.mark.parametrize("policy", [capped(daily=1), capped(monthly=1)])
async def test_a_paid_model_without_a_price_is_refused_where_there_is_a_cap(database: Database, policy: Policy) -> None:
    """What cannot be counted cannot be capped; a model that costs nothing is asked all the same."""
    world = World(database, policy, price=None)
    with pytest.raises(NotAllowed, match="Nobody knows what p:m costs"):
        await world.ask(world.spending(), fim(1), 0)
    world.paid = False
    await world.ask(world.spending(), fim(1), 0)


async def test_what_is_free_is_asked_when_the_cap_is_reached(database: Database) -> None:
    """A GPU of one's own is not paid by the request."""
    free = Price(Decimal(0), Decimal(0), date(2026, 1, 1), "user", gpu_hour=Decimal(3))
    world = World(database, capped(daily=1), price=free)
    await world.paid_for(5)
    await world.ask(world.spending(), fim(10**6), 0)


def test_the_worst_case_counts_everything_that_is_sent() -> None:
    """Text, tools, pictures, calls; at the dearest price of a prompt, and with the longest answer that may come."""
    price = Price(Decimal(2), Decimal(10), date(2026, 1, 1), "a test", cache_read=Decimal(1), cache_write=Decimal(3))
    bare = worst_cost(price, model(max_tokens=100), ChatRequest((Message("user", ""),)))
    assert bare >= 100 * Decimal(10) / 1_000_000
    full = ChatRequest(
        (Message("user", "é" * 1000, images=(Image("image/png", "AAAA"),)),),
        tools=(Tool("t", "d" * 1000, "{}"),),
        max_tokens=1000,
    )
    at_least = Decimal(3) * (1000 + 500 + IMAGE_TOKENS) + Decimal(10) * 1000
    assert worst_cost(price, model(max_tokens=100), full) >= at_least / 1_000_000


async def test_a_user_has_caps_of_their_own_below_the_owners(database: Database) -> None:
    """What others spend counts for the owner's cap alone; the refusal says whose cap it is."""
    world = World(database, capped(daily=10), budgets={"ada": capped(daily=3)})
    await world.paid_for(2, user="bob")
    spending = world.spending()
    async with spending.hold(model(), replace(fim(2), user="ada")):
        with pytest.raises(BudgetSpent, match="cap of ada"):
            await spending.check(model(), replace(fim(2), user="ada"))
        await spending.check(model(), replace(fim(5), user="bob"))
        with pytest.raises(BudgetSpent, match=r"daily cap of \$10"):
            await spending.check(model(), replace(fim(7), user="bob"))
