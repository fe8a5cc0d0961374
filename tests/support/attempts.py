"""Rows of the ledger for tests: one that is plain, any that hypothesis can think of, and the sums of what is stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.feedback import Showing
from beastmode.ledger.rows import SUMS, hour_of, share_of, times_of
from beastmode.ledger.sketch import Sketch
from beastmode.store import Connection, Row

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

SHOWN = Showing(
    id="1", request_id="r", model="custom:m", language="python", trigger="automatic", shown_at=3600.0, shown_chars=20
)

_counts = st.none() | st.integers(0, 10**12)
_seconds = st.floats(0, 1e7, allow_nan=False)
_prices = (
    None,
    replace(GPT4, input=Decimal(0), output=Decimal(0)),
    replace(GPT4, cache_read=Decimal("0.3"), cache_write=Decimal("37.123456")),
    replace(GPT4, gpu_hour=Decimal("2.5")),
)
_tries = st.builds(
    replace,
    st.just(ROW),
    request_id=st.sampled_from(["r1", "r2"]),
    task=st.sampled_from([Task.INLINE, Task.PROBE]),
    model=st.sampled_from(["custom:a", "custom:b"]),
    started_at=st.floats(1_790_000_000, 1_790_007_200),
    outcome=st.sampled_from(Outcome),
    total_s=_seconds,
    connect_s=st.sampled_from([None, 0.1]),
    first_token_s=st.none() | _seconds,
    error=st.sampled_from([None, "half a pair \ud83d", "é"]),
    usage=st.builds(Usage, _counts, _counts, _counts, _counts, _counts),
    estimated=st.booleans(),
    price=st.sampled_from(_prices),
    cached=st.booleans(),
    masked=st.integers(0, 9),
    user=st.sampled_from(["", "ada"]),
)


def _numbered(tries: list[Attempt]) -> list[Attempt]:
    return [
        replace(each, id=str(number), cost=each.price.cost(each.usage, each.total_s) if each.price else None)
        for number, each in enumerate(tries)
    ]


any_attempts = st.lists(_tries, min_size=1, max_size=8).map(_numbered)
"""Tries of every kind, within two hours."""

Sums = dict[tuple[object, ...], tuple[tuple[int, ...], bytes, bytes]]


def sums_of_rows(connection: Connection) -> Sums:
    """What the rollups must be, from every row."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM attempts"):
        groups[hour_of(row["started_at"]), row["model"], row["task"], row["outcome"], row["user"]].append(row)
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


def sums_of_rollups(connection: Connection) -> Sums:
    """What the rollups are."""
    return {
        (row["hour"], row["model"], row["task"], row["outcome"], row["user"]): (
            tuple(row[name] for name in SUMS),
            row["total_s"],
            row["first_token_s"],
        )
        for row in connection.execute("SELECT * FROM rollups")
    }
