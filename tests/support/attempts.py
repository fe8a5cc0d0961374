"""Rows of the ledger for tests: one that is plain, any that hypothesis can think of, and the sums of what is stored."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.rows import SUMS, hour_of, share_of, times_of
from beastmode.ledger.sketch import Sketch

GPT4 = Price(Decimal(30), Decimal(60), date(2026, 1, 1), "test")
ROW = Attempt(
    id="a",
    request_id="r",
    task=Task.INLINE,
    model="custom:m",
    provider="openai-compatible",
    origin="http://127.0.0.1:1",
    reason="selected for inline",
    started_at=3600.0,
    outcome=Outcome.OK,
    total_s=0.2,
    connect_s=0.01,
    first_token_s=0.1,
    usage=Usage(1000, 100),
    cost=Decimal("0.001"),
)

_counts = st.none() | st.integers(0, 10**12)
_dollars = st.decimals(0, 1000, places=6)
_seconds = st.floats(0, 1e7, allow_nan=False)
_prices = st.builds(
    Price,
    _dollars,
    _dollars,
    st.just(date(2026, 1, 1)),
    st.just("test"),
    cache_read=st.none() | _dollars,
    cache_write=st.none() | _dollars,
    gpu_hour=_dollars,
)


@st.composite
def any_attempts(draw: st.DrawFn) -> list[Attempt]:
    """Up to a dozen tries within two hours, of every kind."""
    attempts = []
    for number in range(draw(st.integers(1, 12))):
        usage = draw(st.builds(Usage, _counts, _counts, _counts, _counts, _counts))
        price, total_s = draw(st.none() | _prices), draw(_seconds)
        attempts.append(
            Attempt(
                id=str(number),
                request_id=draw(st.sampled_from(["r1", "r2", "r3"])),
                task=draw(st.sampled_from(Task)),
                model=draw(st.sampled_from(["custom:a", "custom:b"])),
                provider="vllm",
                origin="http://127.0.0.1:1",
                reason="why",
                started_at=draw(st.floats(1_790_000_000, 1_790_007_200)),
                outcome=draw(st.sampled_from(Outcome)),
                total_s=total_s,
                connect_s=draw(st.none() | _seconds),
                first_token_s=draw(st.none() | _seconds),
                error=draw(st.none() | st.text()),
                usage=usage,
                estimated=draw(st.booleans()),
                cost=price.cost(usage, total_s) if price else None,
                price=price,
                cached=draw(st.booleans()),
                masked=draw(st.integers(0, 9)),
            )
        )
    return attempts


Sums = dict[tuple[object, ...], tuple[tuple[int, ...], bytes, bytes]]


def sums_of_rows(connection: sqlite3.Connection) -> Sums:
    """What the rollups must be, from every row."""
    groups: dict[tuple[object, ...], list[sqlite3.Row]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM attempts"):
        groups[hour_of(row["started_at"]), row["model"], row["task"], row["outcome"]].append(row)
    found: Sums = {}
    for key, rows in groups.items():
        totals, first_tokens = Sketch(), Sketch()
        for row in rows:
            total, first_token = times_of(row)
            totals.add(total)
            first_tokens.add(first_token)
        shares = zip(*(share_of(row) for row in rows), strict=True)
        found[key] = tuple(map(sum, shares)), totals.stored(), first_tokens.stored()
    return found


def sums_of_rollups(connection: sqlite3.Connection) -> Sums:
    """What the rollups are."""
    return {
        (row["hour"], row["model"], row["task"], row["outcome"]): (
            tuple(row[name] for name in SUMS),
            row["total_s"],
            row["first_token_s"],
        )
        for row in connection.execute("SELECT * FROM rollups")
    }
