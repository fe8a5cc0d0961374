"""A January and a December before it in a ledger: own and provided models, failures, memory, estimates, fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.attempts import GPT4, ROW

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import price_id
from beastmode.store import Database

ZONE = ZoneInfo("Europe/Berlin")
BASELINE = "openai:gpt-4"
OWN = Price(Decimal("0.5"), Decimal("1.5"), date(2025, 12, 1), "user")
DEARER = Price(Decimal("0.6"), Decimal("1.8"), date(2026, 1, 15), "user")
GPT4O = Price(Decimal("2.5"), Decimal(10), date(2026, 1, 1), "genai-prices 0.2.1", Decimal("1.25"))
TASKS = (Task.CHAT, Task.FEATURE, Task.TESTS)


def attempts() -> Iterator[Attempt]:
    """All tries; the first and the last moment of January are among them, and the moments beside them."""
    for number in range(120):
        day, hour = 1 + number // 4, 9 + number % 4 * 2
        yield _try(number, datetime(2026, 1, day, hour, tzinfo=ZONE), OWN if day < 15 else DEARER)
    for number in range(200, 230):
        yield _try(number, datetime(2025, 12, number - 199, 12, tzinfo=ZONE), OWN)
    edge = replace(ROW, model="custom:coder", task=Task.CHAT, price=OWN, cost=OWN.cost(ROW.usage))
    yield replace(edge, id="new year", started_at=datetime(2026, 1, 1, tzinfo=ZONE).timestamp())
    yield replace(edge, id="last second", started_at=datetime(2026, 2, 1, tzinfo=ZONE).timestamp() - 1)
    yield replace(edge, id="february", started_at=datetime(2026, 2, 1, tzinfo=ZONE).timestamp())
    noon = datetime(2026, 1, 20, 12, tzinfo=ZONE).timestamp()
    yield replace(edge, id="estimated", started_at=noon, estimated=True, model="custom:lab|gpu")
    yield replace(edge, id="unpriced", started_at=noon + 1, price=None, cost=None, model="custom:new")
    yield replace(edge, id="memory", started_at=noon + 2, cached=True, cost=Decimal(0), usage=Usage(0, 0))
    yield replace(edge, id="gone", started_at=noon + 3, outcome=Outcome.CANCELLED)
    yield replace(edge, id="probe", started_at=noon + 4, task=Task.PROBE)


def _try(number: int, moment: datetime, price: Price) -> Attempt:
    usage = Usage(900 + number * 7, 120 + number, number % 50)
    made = replace(
        ROW,
        id=str(number),
        request_id=f"r{number}",
        task=TASKS[number % 3],
        started_at=moment.timestamp(),
        total_s=0.2 + number % 10 / 10,
        usage=usage,
        price=price,
        cost=price.cost(usage),
        model="custom:coder",
        user="ada" if number % 9 == 4 else "",
    )
    if number % 17 == 5:
        return replace(made, outcome=Outcome.FAILED, error="The answer broke off", error_kind="stream_cut")
    if number % 17 == 6:
        fell = {"model": "openai:gpt-4o", "provider": "openai", "reason": f"fallback for {made.task}"}
        return replace(made, price=GPT4O, cost=GPT4O.cost(usage), **fell)
    return made


async def fill(database: Database) -> None:
    """Write all of it, compared with the baseline."""
    await database.transact(lambda connection: price_id(connection, BASELINE, GPT4))
    ledger = Ledger(database, baseline=BASELINE)
    await ledger.recall()
    await asyncio.gather(*map(ledger.observe, attempts()))
