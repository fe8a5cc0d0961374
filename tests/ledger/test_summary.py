"""Rows and what they add up to, in a real database."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.attempts import GPT4, ROW

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.days import FOREVER
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import PriceBook, price_id
from beastmode.store import Database

BASELINE = "openai:gpt-4"
ASKED = replace(ROW, task=Task.CHAT)
"""An answer that counts as it is; a suggestion counts where it was used, see test_feedback.py."""


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    """One that knows its baseline's price."""
    await database.transact(lambda connection: price_id(connection, BASELINE, GPT4))
    ledger = Ledger(database, baseline=BASELINE)
    await ledger.recall()
    return ledger


async def test_a_row_keeps_every_field(ledger: Ledger) -> None:
    """What is read is what was written; money comes back exactly, with the prices that made it."""
    price = Price(Decimal("0.5"), Decimal("1.5"), GPT4.as_of, "user", gpu_hour=Decimal(36))
    attempt = replace(
        ROW,
        queue_s=0.5,
        masked=2,
        estimated=True,
        price=price,
        cost=price.cost(ROW.usage, 0.2),
        error="half a pair \ud83d",
        error_kind="stream_cut",
        usage=Usage(1000, 100, 10, 20, 30),
    )
    await ledger.observe(attempt)
    async for (row,) in ledger.pages(0.0, FOREVER):
        assert {name: row[name] for name in ("task", "outcome", "model", "queue_s", "masked", "estimated")} == {
            name: getattr(attempt, name) for name in ("task", "outcome", "model", "queue_s", "masked", "estimated")
        }
        assert [row[name] for name in Usage.__slots__] == [1000, 100, 10, 20, 30]
        assert (row["cost"], row["price_input"], row["price_gpu_hour"]) == (attempt.cost, "0.5", "36")
        assert (row["price_as_of"], row["price_source"]) == ("2026-01-01", "user")
        assert (row["baseline_cost"], row["baseline_model"]) == (Decimal("0.036"), BASELINE)
        assert row["error"] == "half a pair ?"
    (stored,) = await ledger.tail(5)
    assert stored["cost_nano"] - stored["tokens_cost_nano"] == 2_000_000  # 0.2 s of a graphics card


async def test_the_sums_of_a_day(ledger: Ledger) -> None:
    """Cancelled tries are counted apart, probes and older rows not at all; savings need both prices."""
    for n in range(1, 21):
        await ledger.observe(replace(ASKED, id=f"ok{n}", total_s=n / 10))
    await ledger.observe(replace(ASKED, id="bad", outcome=Outcome.FAILED, connect_s=None, usage=Usage(), cost=None))
    await ledger.observe(replace(ASKED, id="gone", outcome=Outcome.CANCELLED))
    await ledger.observe(replace(ROW, id="probe", task=Task.PROBE))
    await ledger.observe(replace(ASKED, id="old", started_at=10.0))
    summary = await ledger.summary(50.0)
    assert (summary.requests, summary.succeeded, summary.cancelled) == (21, 20, 1)
    assert summary.p95_s == pytest.approx(1.9, rel=0.01)
    assert summary.cost == Decimal("0.021")
    assert summary.baseline_cost == 20 * Decimal("0.036")  # what was broken off is not charged to the baseline
    assert summary.savings == Decimal("0.699")
    assert summary.savings_low == summary.savings_high == summary.savings
    await ledger.observe(replace(ASKED, id="free?", cost=None))
    assert (await ledger.summary(50.0)).savings_low is None
    assert (await ledger.summary(50_000.0)).success_rate is None


async def test_savings_on_estimated_tokens_are_a_range(ledger: Ledger) -> None:
    """No single number is shown, and the range holds what the two counts could be."""
    await ledger.observe(replace(ASKED, estimated=True))
    summary = await ledger.summary(0.0)
    assert summary.savings is None
    assert summary.savings_low == Decimal("0.7") * Decimal("0.036") - Decimal("1.75") * Decimal("0.001")
    assert summary.savings_high == Decimal("1.75") * Decimal("0.036") - Decimal("0.7") * Decimal("0.001")
    low, high = summary.savings_rates or (0, 0)
    assert low < 1 - 0.001 / 0.036 < high


async def test_memory_and_failures_are_not_savings(ledger: Ledger) -> None:
    """An answer from memory costs nothing, here or on the baseline; a failed try only costs."""
    await ledger.observe(replace(ROW, id="cached", cached=True, cost=None, connect_s=None))
    await ledger.observe(replace(ROW, id="failed", outcome=Outcome.FAILED))
    summary = await ledger.summary(0.0)
    assert (summary.savings, summary.cached, summary.p95_s) == (Decimal("-0.001"), 1, None)


async def test_spending_is_known_to_the_second(ledger: Ledger) -> None:
    """From whole hours and the rows of the first one; one's own graphics card is not billed."""
    price = Price(Decimal(1), Decimal(1), GPT4.as_of, "user", gpu_hour=Decimal(3600))
    for number, moment in enumerate((3599.0, 3601.0, 7100.0, 7200.0, 99999.0)):
        await ledger.observe(replace(ROW, id=str(number), started_at=moment, price=price, cost=Decimal("0.2011")))
    assert await ledger.spent(3600.0) == 4 * Decimal("0.0011")
    assert await ledger.spent(7000.0) == 3 * Decimal("0.0011")
    assert await ledger.spent(7000.0, paid_only=False) == 3 * Decimal("0.2011")


async def test_latencies_of_one_model(ledger: Ledger) -> None:
    """Its own answers and nothing else."""
    for number, seconds in enumerate((0.1, 0.2, 0.3)):
        await ledger.observe(replace(ROW, id=str(number), total_s=seconds, first_token_s=seconds / 2))
    await ledger.observe(replace(ROW, id="other", model="custom:other", total_s=9.0))
    await ledger.observe(replace(ROW, id="chat", task=Task.CHAT, total_s=9.0))
    await ledger.observe(replace(ROW, id="failed", outcome=Outcome.FAILED, total_s=9.0))
    found = await ledger.latencies("custom:m", Task.INLINE, 0.0)
    assert found.total.count == 3
    assert found.total.quantile(0.5) == pytest.approx(0.2, rel=0.01)
    assert found.first_token.quantile(1) == pytest.approx(0.15, rel=0.01)
    assert (await ledger.latencies("custom:m", None, 0.0)).total.count == 4
    assert (await ledger.latencies("custom:none", None, 0.0)).total.quantile(0.95) is None


async def test_sums_by_model_and_task(ledger: Ledger) -> None:
    """The parts make the total; probes count here, because they cost."""
    await ledger.observe(replace(ROW, id="1"))
    await ledger.observe(replace(ROW, id="2", model="custom:other", total_s=2.0))
    await ledger.observe(replace(ROW, id="3", task=Task.PROBE, outcome=Outcome.FAILED))
    by_model = await ledger.report(0.0, FOREVER, "model")
    assert {name: part.requests for name, part in by_model.parts.items()} == {"custom:m": 2, "custom:other": 1}
    assert (by_model.total.requests, by_model.total.cost) == (3, Decimal("0.003"))
    by_task = await ledger.report(0.0, FOREVER, "task")
    assert {name: part.success_rate for name, part in by_task.parts.items()} == {"inline": 1.0, "probe": 0.0}
    assert (await ledger.report(9e9, FOREVER, "day")).parts == {}


async def test_a_test_of_a_model_saves_nothing(ledger: Ledger) -> None:
    """A load test costs what it costs; nobody would have put it to the baseline, whose price need not be known."""
    cost = Decimal("0.003")
    await ledger.observe(replace(ROW, id="1", task=Task.CHAT, cost=cost, baseline_cost=Decimal("0.036")))
    before = (await ledger.report(0.0, FOREVER, "task")).total
    await ledger.observe(replace(ROW, id="2", task=Task.PROBE, cost=cost, baseline_cost=Decimal("0.036")))
    await ledger.observe(replace(ROW, id="3", task=Task.PROBE, cost=cost, baseline_cost=None))
    total = (await ledger.report(0.0, FOREVER, "task")).total
    assert (before.savings, total.savings) == (Decimal("0.033"), Decimal("0.027"))


async def test_the_baseline_price_is_looked_up_once(database: Database) -> None:
    """A dated row from the bundled table, with cache prices; an unknown model has no price, never zero."""
    book = PriceBook(database)
    assert await book.known(BASELINE) is None
    price = await book.find("anthropic:claude-sonnet-4-5")
    assert price is not None
    assert price.cache_read is not None
    assert price.cache_write is not None
    assert price.cache_read < price.input < price.cache_write < price.output
    assert await book.known("anthropic:claude-sonnet-4-5") == price
    assert await book.find("openai:no-such-model") is None
    assert book.was_asked("openai:no-such-model")


async def test_rows_from_before_a_price_was_known_get_it(database: Database) -> None:
    """Baseline and provider's price are found in the background; the user's own model stays unknown."""
    ledger = Ledger(database, baseline=BASELINE)
    await ledger.observe(replace(ROW, id="mine", cost=None))
    await ledger.observe(replace(ROW, id="theirs", model="openai:gpt-4o", cost=None))
    await ledger.settle()
    mine, theirs = await ledger.tail(5)
    assert (mine["cost_nano"], mine["baseline_cost_nano"]) == (None, 36_000_000)
    assert theirs["cost_nano"] == 3_500_000
    await ledger.observe(replace(ROW, id="next", model="openai:gpt-4o", cost=None))
    assert (await ledger.tail(1))[0]["cost_nano"] == 3_500_000


async def test_a_price_from_an_older_list_is_looked_up_again(database: Database) -> None:
    """The old row stays: what was paid by it was paid by it."""
    old = replace(GPT4, input=Decimal(99), source="genai-prices 0.0.1")
    await database.transact(lambda connection: price_id(connection, BASELINE, old))
    price = await PriceBook(database).find(BASELINE)
    assert price is not None
    assert (price.input, price.output) == (Decimal(30), Decimal(60))
    assert len(await database.read("SELECT 1 FROM prices WHERE model = ?", (BASELINE,))) == 2
