"""The caps: nothing is asked that could pass one, whatever goes on at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import BudgetSpent, NotAllowed
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Image, Message, Request, Tool
from beastmode.domain.routing import Policy
from beastmode.domain.usage import Price
from beastmode.router.spending import IMAGE_TOKENS, Spending, worst_cost

BERLIN = ZoneInfo("Europe/Berlin")
DOLLAR = Price(Decimal(0), Decimal(1_000_000), date(2026, 1, 1), "a test")
"""A dollar for each token of the answer, nothing for the prompt."""


def model(max_tokens: int = 4000) -> ModelSpec:
    return ModelSpec("p:m", "M", "p", "https://api.example/v1", "m", "c", "f", max_tokens=max_tokens)


def fim(tokens: int) -> FimRequest:
    return FimRequest("x", "", max_tokens=tokens)


@dataclass
class World:
    """A ledger in memory, a clock that the test moves, and a policy."""

    policy: Policy = field(default_factory=Policy)
    price: Price | None = DOLLAR
    paid: bool = True
    now: float = datetime(2026, 11, 22, 12, tzinfo=BERLIN).timestamp()
    rows: list[tuple[float, Decimal]] = field(default_factory=list)
    slow: bool = False
    budgets: dict[str, Policy] = field(default_factory=dict)
    users: dict[tuple[float, Decimal], str] = field(default_factory=dict)

    def spending(self) -> Spending:
        return Spending(
            policy=lambda: self.policy,
            budget=self.budgets.get,
            spent=self.spent,
            price_of=self.price_of,
            is_paid=lambda _: self.paid,
            clock=lambda: self.now,
            zone=BERLIN,
        )

    async def spent(self, since: float, user: str | None) -> Decimal:
        rows = [(at, cost) for at, cost in self.rows if user is None or user == self.users.get((at, cost), "")]
        for _ in range(3 if self.slow else 0):
            await asyncio.sleep(0)
        return sum((cost for at, cost in rows if at >= since), Decimal(0))

    async def price_of(self, model: ModelSpec) -> Price | None:
        return self.price

    async def ask(self, spending: Spending, request: Request, cost: int) -> None:
        async with spending.hold(model(), request):
            await asyncio.sleep(0)
            self.rows.append((self.now, Decimal(cost)))


def capped(daily: int | None = None, monthly: int | None = None) -> Policy:
    return Policy(
        daily_cap=None if daily is None else Decimal(daily), monthly_cap=None if monthly is None else Decimal(monthly)
    )


@settings(max_examples=50)
@given(
    cap=st.integers(0, 20),
    asked=st.lists(st.tuples(st.integers(1, 8), st.floats(0, 1)), max_size=12),
    slow=st.booleans(),
)
async def test_requests_at_the_same_time_never_pass_the_cap(
    cap: int, asked: list[tuple[int, float]], *, slow: bool
) -> None:
    """However many there are, and however little each of them really costs."""
    world = World(capped(daily=cap), slow=slow)
    spending = world.spending()
    tasks = [world.ask(spending, fim(worst), round(worst * share)) for worst, share in asked]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, NotAllowed) for result in results)
    assert sum(cost for _, cost in world.rows) <= cap
    if sum(worst for worst, _ in asked) <= cap:
        assert results == [None] * len(asked)


async def test_up_to_the_cap_and_not_beyond() -> None:
    """The request that would reach the cap is asked; the one that would pass it is not, and the reason is given."""
    world = World(capped(daily=10), rows=[(World.now, Decimal(4))])
    await world.ask(world.spending(), fim(6), 6)
    with pytest.raises(NotAllowed) as refused:
        await world.ask(world.spending(), fim(1), 1)
    text = str(refused.value)
    for said in ("p:m", "daily cap", "could cost $1.00", "of $10.00", "$10.00 is spent", "--daily-cap", "tomorrow"):
        assert said in text
    assert len(world.rows) == 2


async def test_what_was_held_back_is_given_back() -> None:
    """Whether the try went well, failed, was cancelled, or never began."""
    world = World(capped(daily=1))
    spending = world.spending()

    async def fail() -> None:
        async with spending.hold(model(), fim(1)):
            raise ZeroDivisionError

    async def hang() -> None:
        async with spending.hold(model(), fim(1)):
            await asyncio.Event().wait()

    async with spending.hold(model(), fim(1)):
        with pytest.raises(NotAllowed, match="under way"):
            await fail()
    with pytest.raises(ZeroDivisionError):
        await fail()
    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
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
    moment: tuple[int, ...], day_before: tuple[int, ...], day_since: tuple[int, ...]
) -> None:
    """What was spent at its first minute counts, what was spent a minute earlier does not."""

    def at(parts: tuple[int, ...]) -> float:
        year, month, day, hour, minute = parts
        return datetime(year, month, day, hour, minute, tzinfo=BERLIN).timestamp()

    world = World(capped(daily=1), now=at(moment), rows=[(at(day_before), Decimal(1))])
    await world.ask(world.spending(), fim(1), 0)
    world.rows.append((at(day_since), Decimal(1)))
    with pytest.raises(NotAllowed, match="daily cap"):
        await world.ask(world.spending(), fim(1), 0)


async def test_the_month_ends_at_its_own_midnight() -> None:
    """Across the change to summer time too."""
    world = World(capped(monthly=1), now=datetime(2026, 3, 31, 23, 59, tzinfo=BERLIN).timestamp())
    world.rows = [(datetime(2026, 3, 1, tzinfo=BERLIN).timestamp(), Decimal(1))]
    with pytest.raises(NotAllowed, match=r"monthly cap.*next month"):
        await world.ask(world.spending(), fim(1), 0)
    world.now += 60
    await world.ask(world.spending(), fim(1), 0)


async def test_no_cap_nothing_is_looked_up() -> None:
    """Neither a price nor a sum: it costs nothing to have no cap."""

    class Unasked(World):
        async def spent(self, since: float) -> Decimal:
            raise AssertionError

        async def price_of(self, model: ModelSpec) -> Price | None:
            raise AssertionError

    async with Unasked().spending().hold(model(), fim(10**9)):
        pass


@pytest.mark.parametrize("policy", [capped(daily=1), capped(monthly=1)])
async def test_a_paid_model_without_a_price_is_refused_where_there_is_a_cap(policy: Policy) -> None:
    """What cannot be counted cannot be capped; a model that costs nothing is asked all the same."""
    world = World(policy, price=None)
    with pytest.raises(NotAllowed, match="Nobody knows what p:m costs"):
        await world.ask(world.spending(), fim(1), 0)
    world.paid = False
    await world.ask(world.spending(), fim(1), 0)


async def test_what_is_free_is_asked_when_the_cap_is_reached() -> None:
    """A GPU of one's own is not paid by the request."""
    free = Price(Decimal(0), Decimal(0), date(2026, 1, 1), "user", gpu_hour=Decimal(3))
    world = World(capped(daily=1), price=free, rows=[(World.now, Decimal(5))])
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


async def test_a_user_has_caps_of_their_own_below_the_owners() -> None:
    """What others spend counts for the owner's cap alone; the refusal says whose cap it is."""
    world = World(capped(daily=10), budgets={"ada": capped(daily=3)}, rows=[(World.now, Decimal(2))])
    world.users[World.now, Decimal(2)] = "bob"
    spending = world.spending()
    async with spending.hold(model(), replace(fim(2), user="ada")):
        with pytest.raises(BudgetSpent, match="cap of ada"):
            await spending.check(model(), replace(fim(2), user="ada"))
        await spending.check(model(), replace(fim(5), user="bob"))
        with pytest.raises(BudgetSpent, match=r"daily cap of \$10"):
            await spending.check(model(), replace(fim(7), user="bob"))
