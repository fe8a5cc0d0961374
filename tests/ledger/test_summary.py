"""Rows and what they add up to, in a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import PriceBook
from beastmode.ledger.summary import midnight, summarize
from beastmode.store import Database

if TYPE_CHECKING:
    from pathlib import Path

GPT4 = Price(Decimal(30), Decimal(60), date(2026, 1, 1), "test")
ROW = Attempt(
    id="a",
    request_id="r",
    task=Task.INLINE,
    model="custom:m",
    provider="openai-compatible",
    origin="http://127.0.0.1:1",
    reason="selected for inline",
    started_at=100.0,
    outcome=Outcome.OK,
    total_s=0.2,
    connect_s=0.01,
    first_token_s=0.1,
    usage=Usage(1000, 100),
    cost=Decimal("0.001"),
)


async def test_a_row_keeps_every_field(tmp_path: Path) -> None:
    """What is read is what was written; money comes back exactly."""
    database = await Database.open(tmp_path / "l.db")
    ledger = Ledger(database)
    await ledger.observe(ROW)
    await ledger.accepted("r", 123.5)
    (row,) = await ledger.tail(5)
    assert (row["task"], row["outcome"], row["input_tokens"], row["cost_nano"]) == ("inline", "ok", 1000, 1_000_000)
    assert (row["estimated"], row["accepted_at"], row["error"]) == (0, 123.5, None)
    await database.close()


async def test_the_sums_of_a_day(tmp_path: Path) -> None:
    """Cancelled tries are counted apart, probes and older rows not at all; savings need both prices."""
    database = await Database.open(tmp_path / "l.db")
    ledger = Ledger(database)
    times = [n / 10 for n in range(1, 21)]
    for n, seconds in enumerate(times):
        await ledger.observe(replace(ROW, id=f"ok{n}", total_s=seconds))
    await ledger.observe(replace(ROW, id="bad", outcome=Outcome.FAILED, connect_s=None, usage=Usage(), cost=None))
    await ledger.observe(replace(ROW, id="gone", outcome=Outcome.CANCELLED))
    await ledger.observe(replace(ROW, id="probe", task=Task.PROBE))
    await ledger.observe(replace(ROW, id="old", started_at=10.0))
    summary = await summarize(database, 50.0, GPT4)
    assert (summary.requests, summary.succeeded, summary.cancelled) == (21, 20, 1)
    assert summary.p95_s == 1.9
    assert summary.cost == Decimal("0.021")
    assert summary.baseline_cost == 21 * (Decimal("0.03") + Decimal("0.006"))
    assert summary.savings == Decimal("0.735")
    await ledger.observe(replace(ROW, id="free?", cost=None))
    assert (await summarize(database, 50.0, GPT4)).savings is None
    assert (await summarize(database, 50.0, None)).baseline_cost is None
    assert (await summarize(database, 500.0, GPT4)).success_rate is None
    await database.close()


async def test_the_baseline_price_is_looked_up_once(tmp_path: Path) -> None:
    """A dated row from the bundled table; an unknown model has no price, never zero."""
    database = await Database.open(tmp_path / "l.db")
    book = PriceBook(database)
    assert await book.known("openai:gpt-4") is None
    price = await book.find("openai:gpt-4")
    assert price is not None
    assert (price.input, price.output) == (Decimal(30), Decimal(60))
    assert await book.known("openai:gpt-4") == price
    assert await book.find("openai:no-such-model") is None
    await database.close()


def test_a_day_begins_at_local_midnight() -> None:
    """Not at Greenwich's."""
    begins = datetime.fromtimestamp(midnight(1_790_000_000.0)).astimezone()
    assert (begins.hour, begins.minute, begins.second) == (0, 0, 0)
