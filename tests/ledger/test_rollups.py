"""The sums stand in the same transaction as the rows, so they are always the sums of the rows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.attempts import GPT4, ROW, any_attempts, sums_of_rollups, sums_of_rows
from tests.support.databases import Blank

from beastmode.domain.routing import Attempt, Outcome
from beastmode.ledger.backfill import BATCH, compare, fill_costs
from beastmode.ledger.prices import price_id
from beastmode.ledger.rows import KEY, SUMS, Baseline, change, record
from beastmode.ledger.totals import Totals, fold
from beastmode.store import Connection, Database, StoreError
from beastmode.store.migrations import MIGRATIONS, migrate
from beastmode.store.sqlite import connect


def baseline_in(connection: Connection) -> Baseline:
    return Baseline("openai:gpt-4", GPT4, price_id(connection, "openai:gpt-4", GPT4))


@settings(max_examples=20, deadline=None)
@given(any_attempts, st.booleans())
def test_the_rollups_are_the_sums_of_the_rows(blank: Blank, attempts: list[Attempt], has_baseline: bool) -> None:  # noqa: FBT001
    """For any tries; after some were accepted; after the prices that were missing became known."""
    with blank() as connection:
        baseline = baseline_in(connection)
        for attempt in attempts:
            record(connection, attempt, baseline if has_baseline else None)
        assert sums_of_rollups(connection) == sums_of_rows(connection)
        for row in connection.execute("SELECT * FROM attempts WHERE request_id = 'r1'").fetchall():
            change(connection, row, accepted_at=1.0, used=333)
        assert sums_of_rollups(connection) == sums_of_rows(connection)
        compare(connection, baseline)
        fill_costs(connection, "custom:a", GPT4)
        assert sums_of_rollups(connection) == sums_of_rows(connection)


@settings(max_examples=20, deadline=None)
@given(any_attempts, st.lists(st.floats(1_790_000_000, 1_790_007_200), min_size=2, max_size=5, unique=True))
def test_any_span_is_exact(blank: Blank, attempts: list[Attempt], edges: list[float]) -> None:
    """A span that cuts an hour counts that hour's rows; no try is counted twice or under another span."""
    edges.sort()
    with blank() as connection:
        for attempt in attempts:
            record(connection, attempt, None)
        found = fold(connection, edges, lambda span, *_: span)
        for span, (since, until) in enumerate(pairwise(edges)):
            within = [each for each in attempts if since <= each.started_at < until]
            totals = found.get(span, Totals())
            assert totals["attempts"] == len(within)
            assert totals["masked"] == sum(each.masked for each in within)
            assert totals.total.count == sum(each.outcome is Outcome.OK and not each.cached for each in within)


async def test_what_fails_half_way_leaves_neither_row_nor_sum(database: Database) -> None:
    """A second row of the same id is refused, and the sums do not know of it."""
    await database.transact(lambda connection: record(connection, ROW, None))
    with pytest.raises(StoreError, match=r"(?i)unique"):
        await database.transact(lambda connection: record(connection, replace(ROW, total_s=9.0), None))
    assert await database.query(sums_of_rollups) == await database.query(sums_of_rows)
    assert (await database.read("SELECT SUM(attempts) FROM rollups"))[0][0] == 1


def test_rows_of_the_first_version_are_summed_up() -> None:
    """All but their times, which SQL cannot put into a sketch."""
    with closing(connect(":memory:")) as connection:
        migrate(connection, MIGRATIONS[:2])
        connection.executemany(
            "INSERT INTO attempts (id, request_id, task, model, provider, origin, reason, started_at, outcome, total_s,"
            " connect_s, input_tokens, output_tokens, estimated, cost_nano, accepted_at)"
            " VALUES (?, 'r', 'inline', 'custom:m', 'vllm', 'o', 'why', ?, ?, 1.5, ?, 7, 3, ?, ?, ?)",
            [
                ("a", 3600.5, "ok", 0.1, 0, 500, 7.0),
                ("b", 3700, "ok", 0.1, 1, 400, None),
                ("c", 7200, "failed", None, 0, None, None),
                ("d", 7201, "cancelled", 0.1, 0, None, None),
            ],
        )
        migrate(connection)
        old = {key: sums for key, (sums, *_) in sums_of_rollups(connection).items()}
        assert old == {key: sums for key, (sums, *_) in sums_of_rows(connection).items()}
        assert len(old) == 3


def test_suggestions_of_the_second_version_count_where_they_were_accepted() -> None:
    """All of them were charged to the baseline before, as tests of models were; other tasks stay as they are."""
    older = tuple(step for step in MIGRATIONS if step.name < "m006")
    with closing(connect(":memory:")) as connection:
        migrate(connection, older)
        connection.executemany(
            "INSERT INTO attempts (id, request_id, task, model, provider, origin, reason, started_at, outcome, total_s,"
            " connect_s, estimated, baseline_cost_nano, accepted_at) VALUES (?, 'r', ?, 'custom:m', 'p', 'o', 'why', ?,"
            " ?, 1.5, 0.1, ?, ?, ?)",
            [
                ("a", "inline", 3600.0, "ok", 0, 500, 7.0),
                ("b", "inline", 7199.5, "ok", 1, 300, 8.0),
                ("c", "inline", 7000.0, "ok", 0, 900, None),
                ("d", "inline", 7200.0, "ok", 0, 900, None),
                ("e", "inline", 7200.0, "ok", 0, None, 9.0),
                ("f", "inline", 7200.0, "ok", 0, None, None),
                ("g", "inline", 3600.0, "failed", 0, 900, None),
                ("h", "chat", 3600.0, "ok", 1, 700, None),
                ("i", "probe", 3600.0, "ok", 1, 700, None),
                ("j", "probe", 3600.0, "ok", 0, None, None),
            ],
        )
        names = ", ".join(name for name in (*KEY, *SUMS) if name not in {"user", "baseline_cost_nano", "uncompared"})
        connection.execute(
            f"INSERT INTO rollups ({names}, baseline_cost_nano, uncompared, total_s, first_token_s)"  # noqa: S608
            " SELECT CAST(started_at / 3600 AS INTEGER) * 3600, model, task, outcome, COUNT(*), COUNT(accepted_at), 0,"
            " 0, SUM(estimated), COUNT(*), 0, 0, 0, 0, 0, 0, 0, 0,"
            " COALESCE(SUM(baseline_cost_nano) FILTER (WHERE estimated), 0), COALESCE(SUM(baseline_cost_nano), 0),"
            " COUNT(*) - COUNT(baseline_cost_nano), x'', x'' FROM attempts GROUP BY 1, 2, 3, 4"
        )
        migrate(connection)
        found = {key: sums for key, (sums, *_) in sums_of_rollups(connection).items()}
        assert found == {key: sums for key, (sums, *_) in sums_of_rows(connection).items()}
        assert found[3600, "custom:m", "chat", "ok", ""][SUMS.index("baseline_cost_nano")] == 700
        answers = found[3600, "custom:m", "inline", "ok", ""]
        assert answers[SUMS.index("baseline_cost_nano")] == 800
        assert answers[SUMS.index("estimated_baseline_nano")] == 300
        tests = found[3600, "custom:m", "probe", "ok", ""]
        assert (tests[SUMS.index("baseline_cost_nano")], tests[SUMS.index("uncompared")]) == (0, 0)


def test_missing_prices_are_filled_in_batches(blank: Blank) -> None:
    """The writers of other windows wait for a batch at most; what is known is never changed."""
    with blank() as connection:
        baseline = baseline_in(connection)
        known = replace(ROW, id="known", baseline_cost=Decimal(1))
        record(connection, known, None)
        for number in range(BATCH + 5):
            record(connection, replace(ROW, id=str(number), outcome=Outcome.FAILED), None)
        assert [compare(connection, baseline) for _ in range(3)] == [BATCH, 5, 0]
        costs = dict(connection.execute("SELECT id, baseline_cost_nano FROM attempts WHERE id IN ('known', '3')"))
        assert costs == {"known": 10**9, "3": 36_000_000}
        assert sums_of_rollups(connection) == sums_of_rows(connection)
