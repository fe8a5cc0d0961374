"""What the ledger costs: one try, a summary of today, a month's report, with a million rows in the file.

`python tests/benchmarks/ledger.py [ROWS] [ZONE]`. The rows are spread over November 2026 as a busy team's would be, on
five models and four tasks, and are written by the function that writes every other row. Of each
pair of figures, the first is of a process that has just opened the file.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "server")]

from beastmode.domain.request import Task  # noqa: E402 - the path comes first
from beastmode.domain.routing import Attempt, Outcome  # noqa: E402
from beastmode.domain.usage import Price, Usage  # noqa: E402
from beastmode.ledger.days import FOREVER, midnight, month  # noqa: E402
from beastmode.ledger.ledger import Ledger  # noqa: E402
from beastmode.ledger.prices import price_id  # noqa: E402
from beastmode.ledger.report import report  # noqa: E402
from beastmode.ledger.rows import Baseline, record  # noqa: E402
from beastmode.ledger.steps import cut  # noqa: E402
from beastmode.store import Database  # noqa: E402

BASELINE = "openai:gpt-4"
BATCH = 20_000
PRICE = Price(Decimal("0.5"), Decimal("1.5"), date(2026, 11, 1), "user")
GPT4 = Price(Decimal(30), Decimal(60), date(2026, 11, 1), "benchmark")
TASKS = (Task.INLINE, Task.INLINE, Task.INLINE, Task.CHAT, Task.REFACTOR, Task.TESTS)
OUTCOMES = (Outcome.OK,) * 12 + (Outcome.CANCELLED,) * 6 + (Outcome.FAILED,) * 2


def any_attempt(number: int, since: float, until: float, chance: random.Random) -> Attempt:
    usage = Usage(chance.randrange(200, 4000), chance.randrange(1, 300))
    total_s = chance.lognormvariate(-0.7, 0.8)
    return Attempt(
        id=f"{chance.getrandbits(128):032x}",
        request_id=f"{number:032x}",
        task=chance.choice(TASKS),
        model=f"custom:model-{chance.randrange(5)}",
        provider="openai-compatible",
        origin="http://127.0.0.1:8000",
        reason="selected for inline",
        started_at=since + (until - since) * number / ROWS,
        outcome=chance.choice(OUTCOMES),
        total_s=total_s,
        connect_s=0.002,
        first_token_s=total_s / 2,
        usage=usage,
        estimated=number % 10 == 0,
        price=PRICE,
        cost=PRICE.cost(usage, total_s),
    )


async def fill(database: Database, since: float, until: float) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    number = await database.transact(lambda connection: price_id(connection, "custom:m", PRICE))
    baseline = Baseline(BASELINE, GPT4, await database.transact(lambda c: price_id(c, BASELINE, GPT4)))
    for first in range(0, ROWS, BATCH):

        def write(connection: sqlite3.Connection, first: int = first) -> None:
            for each in range(first, min(first + BATCH, ROWS)):
                record(connection, any_attempt(each, since, until, chance), baseline, number)

        await database.transact(write)
        sys.stderr.write(f"\r{min(first + BATCH, ROWS):,} rows")


async def timed(work: Callable[[], Awaitable[object]], times: int = 7) -> tuple[float, float]:
    """Milliseconds of the first run, and the median of the others."""
    took = []
    for _ in range(times):
        began = perf_counter()
        await work()
        took.append((perf_counter() - began) * 1000)
    return round(took[0], 1), round(median(took[1:]), 1)


async def dashboard(ledger: Ledger, since: float, until: float, zone: ZoneInfo) -> None:
    """All that the dashboard reads of a span."""
    found = await ledger.series(cut(since, until, zone).edges)
    found.steps()
    for model in found.models:
        found.summary({model})
    await ledger.routed(since, until)
    await ledger.failures(since, until, 20)
    await ledger.acceptance(since, until, "model")


async def main() -> None:
    zone = ZoneInfo(ZONE)
    since, until = month(2026, 11, zone)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "l.db"
        database = await Database.open(path)
        began = perf_counter()
        await fill(database, since, until)
        figures: dict[str, object] = {
            "rows": ROWS,
            "zone": ZONE,
            "write_us_per_row": round((perf_counter() - began) / ROWS * 1e6, 1),
        }
        await database.close()

        began = perf_counter()
        database = await Database.open(path)
        ledger = Ledger(database, baseline=BASELINE)
        await ledger.recall()
        figures["open_ms"] = round((perf_counter() - began) * 1000, 1)
        today = midnight(since + 20.6 * 86400, zone)
        for name, work in {
            "summary_of_today": lambda: ledger.summary(today, today + 86400),
            "summary_of_the_month": lambda: ledger.summary(since, until),
            "summary_of_everything": lambda: ledger.summary(0.0),
            "month_by_day": lambda: report(database, since, until, "day", zone),
            "month_by_model": lambda: report(database, since, until, "model", zone),
            "dashboard_of_the_month": lambda: dashboard(ledger, since, until, zone),
            "spent_this_month": lambda: ledger.spent(since),
            "latencies_of_a_day": lambda: ledger.latencies("custom:model-1", Task.INLINE, until - 86400),
        }.items():
            figures[f"{name}_ms"] = await timed(work)

        counted = (await ledger.report(0.0, FOREVER, "model")).total
        assert counted.requests + counted.cancelled == ROWS
        chance = random.Random(2)  # noqa: S311 - no secret
        took = []
        for number in range(1000):
            attempt = replace(any_attempt(number, since, until, chance), id=f"one{number}")
            began = perf_counter()
            await ledger.observe(attempt)
            took.append((perf_counter() - began) * 1e6)
        figures["observe_us"] = {"p50": round(median(took)), "p95": round(sorted(took)[950])}
        began, written = perf_counter(), 0
        async for page in ledger.pages(since, since + 2 * 86400):
            written += len(page)
        figures["read_for_export_us_per_row"] = round((perf_counter() - began) / max(written, 1) * 1e6, 1)
        (sizes,) = await database.read("SELECT COUNT(*) AS rollups, AVG(LENGTH(total_s)) AS sketch FROM rollups")
        figures |= {"rollups": sizes["rollups"], "bytes_of_a_sketch": round(sizes["sketch"])}
        figures["file_mb"] = round(path.stat().st_size / 1e6)
        await database.close()
    sys.stdout.write(f"\n{json.dumps(figures, indent=2)}\n")


ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
ZONE = sys.argv[2] if len(sys.argv) > 2 else "Europe/Berlin"

if __name__ == "__main__":
    asyncio.run(main())
