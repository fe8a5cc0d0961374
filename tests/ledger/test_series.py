"""Figures over time are the sums of the rows, however a span is cut, and cost little."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.attempts import GPT4, ROW, SHOWN, any_attempts

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.ledger.feedback import write
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.rows import record
from beastmode.ledger.sketch import ACCURACY
from beastmode.ledger.steps import DAY, RANGES, cut, read_range

if TYPE_CHECKING:
    from beastmode.store import Connection, Database

MOST_DOLLARS = Decimal(1_000_000)
"""For one try; the ledger takes more for a mistake."""
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "America/Santiago")
FIRST, LAST = 1_790_000_000.0, 1_790_007_200.0
"""Of `any_attempts`: two hours, which hold one whole hour of the rollups."""
edges = st.lists(st.floats(FIRST, LAST), min_size=2, max_size=5, unique=True).map(sorted) | st.lists(
    st.floats(FIRST, LAST), max_size=3
).map(lambda inner: sorted({FIRST, *inner, LAST}))
some_models = st.sampled_from([None, {"custom:a"}, {"custom:a", "custom:b"}, set()])
users = st.sampled_from([None, "", "ada"])


async def replaced(database: Database, attempts: list[Attempt]) -> None:
    """The ledger holds these tries and nothing else."""

    def work(connection: Connection) -> None:
        for emptied in ("DELETE FROM attempts", "DELETE FROM rollups", "DELETE FROM why"):
            connection.execute(emptied)
        for attempt in attempts:
            record(connection, attempt, None)

    await database.transact(work)


def meant(
    attempts: list[Attempt], since: float, until: float, models: set[str] | None, user: str | None
) -> list[Attempt]:
    """What a person would count."""
    return [
        each
        for each in attempts
        if since <= each.started_at < until
        and each.task is not Task.PROBE
        and (models is None or each.model in models)
        and user in {None, each.user}
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_attempts, edges, some_models, users)
async def test_each_step_is_the_sum_of_its_tries(
    database: Database, attempts: list[Attempt], cuts: list[float], models: set[str] | None, user: str | None
) -> None:
    """For any tries, any edges, any models and any user: numbers, money and percentiles."""
    await replaced(database, attempts)
    found = await Ledger(database).series(cuts, user)
    spans = [*zip(found.steps(models), pairwise(cuts), strict=True), (found.summary(models), (cuts[0], cuts[-1]))]
    for summary, (since, until) in spans:
        rows = meant(attempts, since, until, models, user)
        ended = [each for each in rows if each.outcome is not Outcome.CANCELLED]
        good = [each for each in ended if each.outcome is Outcome.OK]
        assert (summary.requests, summary.succeeded) == (len(ended), len(good))
        assert summary.cancelled == len(rows) - len(ended)
        costs = [each.cost for each in rows if each.cost is not None and not each.cached]
        known = sum((min(cost, MOST_DOLLARS) for cost in costs), Decimal(0))
        assert abs(summary.known_cost - known) <= Decimal("1e-9") * len(rows)
        reached = [each for each in rows if each.connect_s is not None and each.cost is None and not each.cached]
        assert (summary.unpriced, summary.cost is None) == (len(reached), bool(reached))
        times = sorted(each.total_s for each in good if not each.cached)
        for told, share in ((summary.p50_s, 0.5), (summary.p95_s, 0.95), (summary.p99_s, 0.99)):
            if not times:
                assert told is None
                continue
            exact = times[max(0, -(-round(share * 100) * len(times) // 100) - 1)]
            assert told == pytest.approx(min(max(exact, 1e-6), 1e6), rel=ACCURACY * 1.01)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_attempts, edges, some_models, users)
async def test_why_is_counted_for_any_span(
    database: Database, attempts: list[Attempt], cuts: list[float], models: set[str] | None, user: str | None
) -> None:
    """For any tries, whether the span begins and ends on the hour or not."""
    # Each twice, for counts of more than one, and over both hours, for every part of a span.
    tries = [
        replace(
            each,
            id=f"{each.id}-{copy}",
            started_at=FIRST + 7100 * (number + 1) / len(attempts),
            reason=("for hard work (+1: x)", "selected for inline")[number % 2],
            error_kind=(None, "timed_out")[number % 3 == 0],
        )
        for number, each in enumerate(attempts)
        for copy in range(2)
    ]
    await replaced(database, tries)
    rows = await Ledger(database).routed(cuts[0], cuts[-1], models, user)
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        found[row.model, row.reason, row.error_kind] += row.attempts
    expected = Counter(
        (each.model, each.reason.split(" (")[0], each.error_kind or "")
        for each in meant(tries, cuts[0], cuts[-1], models, user)
    )
    assert found == expected
    assert [row.attempts for row in rows] == sorted((row.attempts for row in rows), reverse=True)


async def test_figures_narrow_to_models_and_users(database: Database) -> None:
    """Each of the two filters, both, and none: in the whole hour and in a part of it."""
    tries = [("custom:a", ""), ("custom:b", ""), ("custom:b", "ada"), ("custom:b", "ada")]
    await replaced(database, [replace(ROW, id=str(n), model=of, user=who) for n, (of, who) in enumerate(tries)])
    for until in (7200.0, 3700.0):
        found = {user: await Ledger(database).series([3600.0, until], user) for user in (None, "", "ada", "bob")}
        assert [each.summary().requests for each in found.values()] == [4, 2, 2, 0]
        assert [each.summary({"custom:b"}).requests for each in found.values()] == [3, 1, 2, 0]
        assert found[None].models == ("custom:a", "custom:b")
        whole = [len(await Ledger(database).routed(3600.0, until, ["custom:b"], user)) for user in found]
        assert whole == [2, 1, 1, 0]


async def test_failures_are_those_of_the_models_and_the_user(database: Database) -> None:
    """A person who looks at one model sees its errors only, and another user's never."""
    failed = replace(ROW, outcome=Outcome.FAILED, error_kind="timed_out", error="late", price=GPT4)
    await replaced(
        database,
        [failed, replace(failed, id="b", model="custom:b"), replace(failed, id="c", user="ada", started_at=3700.0)],
    )
    ledger = Ledger(database)
    assert [each.times for each in await ledger.failures(0, 9999, 5)] == [2, 1]
    assert [each.model for each in await ledger.failures(0, 9999, 5, models=["custom:b"])] == ["custom:b"]
    assert [each.last_at for each in await ledger.failures(0, 9999, 5, user="ada")] == [3700.0]
    assert await ledger.failures(0, 9999, 5, models=[]) == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.floats(1_500_000_000, 1_900_000_000), st.floats(0.05, 3000))
def test_steps_cover_the_span_without_gaps(zone_name: str, since: float, length: float) -> None:
    """They ascend from its beginning to its end, are at most a few hundred, and days begin at local midnights."""
    zone, until = ZoneInfo(zone_name), since + length * DAY
    found = cut(since, until, zone)
    assert (found.edges[0], found.edges[-1]) == (since, until)
    assert all(a < b for a, b in pairwise(found.edges))
    assert len(found.edges) <= 110
    if found.step in {"day", "week", "month"}:
        # Where the clocks are put forward at midnight, a day begins at one.
        both = [
            (datetime.fromtimestamp(edge - 1, zone), datetime.fromtimestamp(edge, zone)) for edge in found.edges[1:-1]
        ]
        assert all(before.date() < begins.date() for before, begins in both)


@pytest.mark.parametrize("name", RANGES)
def test_a_range_ends_with_now(name: str) -> None:
    """Whatever is chosen, the last step is the one that now is in."""
    now, zone = datetime(2026, 11, 29, 14, 20, tzinfo=UTC).timestamp(), ZoneInfo("Asia/Kolkata")
    since, until = read_range(name, "", "", now, zone)
    edges = cut(since, until, zone).edges
    assert edges[-2] <= now < edges[-1]
    assert until - since == pytest.approx(RANGES[name] * DAY)


@pytest.mark.parametrize(
    ("first", "last"), [("2026-11-30", ""), ("2026-11-05", "2026-11-04"), ("x", ""), ("2001-01-01", "")]
)
def test_a_span_that_cannot_be_is_refused(first: str, last: str) -> None:
    """The future, the wrong order, no date, and more than ten years."""
    with pytest.raises(UserError):
        read_range("7d", first, last, datetime(2026, 11, 29, tzinfo=UTC).timestamp(), UTC)
    with pytest.raises(UserError):
        read_range("fortnight", "", "", 0.0, UTC)


async def test_the_pulse_beats_with_whatever_happens(database: Database) -> None:
    """A try, a suggestion and its fate change it; looking does not."""
    ledger = Ledger(database)
    seen = [await ledger.pulse(3700.0)]
    assert seen == [await ledger.pulse(3701.0)]
    await ledger.observe(ROW)
    seen.append(await ledger.pulse(3700.0))
    for number in "12":
        await database.transact(lambda connection, number=number: write(connection, [replace(SHOWN, id=number)]))
        seen.append(await ledger.pulse(3700.0))
    await database.transact(lambda connection: write(connection, [replace(SHOWN, used_chars=5, used_at=3601.0)]))
    seen.append(await ledger.pulse(3700.0))
    await database.write("UPDATE registry_generation SET generation = generation + 1")
    seen.append(await ledger.pulse(3700.0))
    assert len(set(seen)) == len(seen)
