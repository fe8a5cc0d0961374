"""What a look at the last hours shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.attempts import ROW, any_attempts

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.overview import SPANS, spans
from beastmode.store import Database


@given(st.floats(0, 2e9), st.floats(1, 4e7))
def test_spans_cover_the_time_once(since: float, seconds: float) -> None:
    """They begin and end where it does, in order, and are no more than a narrow terminal shows."""
    edges = spans(since, since + seconds)
    assert (edges[0], edges[-1]) == (since, since + seconds)
    assert edges == sorted(set(edges))
    assert 1 <= len(edges) - 1 <= SPANS + 1


@settings(max_examples=20, deadline=None)
@given(any_attempts)
async def test_the_parts_are_the_whole(tmp_path_factory: pytest.TempPathFactory, tries: list[Attempt]) -> None:
    """Whatever happened, the requests of the spans and those of the models add up to those of the time."""
    database = await Database.open(tmp_path_factory.mktemp("ledger") / "l.db")
    try:
        ledger = Ledger(database)
        for each in tries:
            await ledger.observe(each)
        seen = await ledger.overview(spans(1_790_000_000.0, 1_790_007_201.0))
        whole = await ledger.summary(1_790_000_000.0, 1_790_007_201.0)
    finally:
        await database.close()
    assert seen.total == whole
    for name in ("requests", "succeeded", "cancelled", "input_tokens"):
        expected = getattr(whole, name)
        assert sum(getattr(part, name) for part in seen.spans) == expected
        assert sum(getattr(part, name) for part in seen.models.values()) == expected


async def test_failures_are_told_once_each(database: Database) -> None:
    """The same error of a model counts up; tests of a model and what was broken off are left out; newest first."""
    ledger = Ledger(database)
    failed = replace(ROW, outcome=Outcome.FAILED, error_kind="unreachable", error="refused")
    for number, row in enumerate(
        [
            failed,
            failed,
            replace(failed, model="custom:n", error_kind=None, error=None),
            replace(failed, task=Task.PROBE),
            replace(failed, outcome=Outcome.CANCELLED),
            ROW,
        ]
    ):
        await ledger.observe(replace(row, id=str(number), started_at=100.0 + number))
    found = await ledger.failures(0.0, 1000.0, 10)
    assert [tuple(each) for each in found] == [
        ("custom:n", "internal", "", 1, 102.0),
        ("custom:m", "unreachable", "refused", 2, 101.0),
    ]
    assert len(await ledger.failures(0.0, 1000.0, 1)) == 1
    await database.close()
