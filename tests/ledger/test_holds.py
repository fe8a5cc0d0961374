"""What a request could cost is held back in the database, and is never forgotten, whatever happens to who holds it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.attempts import ROW, sums_of_rollups, sums_of_rows

from beastmode.domain.routing import Attempt, Outcome
from beastmode.ledger.holds import LEASE_S, LOST, RENEWAL_S, Cap, Holds
from beastmode.ledger.ledger import Ledger
from beastmode.store import Database

ABOUT = replace(ROW, id="h", outcome=Outcome.FAILED, cost=Decimal(2))


class Clock:
    now = ROW.started_at

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def attempts(database: Database) -> list[tuple[str, str, int]]:
    rows = await database.read("SELECT id, error_kind, cost_nano FROM attempts ORDER BY id")
    return [tuple(row) for row in rows]  # type: ignore[misc]  # three columns


async def test_the_hold_of_a_dead_process_becomes_a_row(database: Database, clock: Clock) -> None:
    """At the most that it can have cost, once, whoever notices; the sums know of it."""
    dead, alive = Holds(database, clock), Holds(database, clock)
    await dead.take(ABOUT)
    await dead.aclose()
    assert await alive.sweep() == 0
    clock.now += LEASE_S + 1
    full = await alive.take(replace(ABOUT, id="next"), [Cap(Decimal(3), 0.0)])
    assert full is not None
    assert (full.spent, full.held) == (2, 0)
    assert [await alive.sweep(), await dead.sweep()] == [0, 0]
    assert await attempts(database) == [("h", LOST, 2_000_000_000)]
    assert await database.query(sums_of_rollups) == await database.query(sums_of_rows)


async def test_who_was_only_slow_counts_once(database: Database, clock: Clock) -> None:
    """A process that was taken for dead (a laptop that slept) replaces the row that stood in for its own."""
    ledger, other = Ledger(database), Holds(database, clock)
    sleeper = ledger.holds = Holds(database, clock)
    await sleeper.take(ABOUT)
    clock.now += LEASE_S + 1
    assert await other.sweep() == 1
    await ledger.observe(replace(ROW, id="h"))
    assert await attempts(database) == [("h", None, 1_000_000)]
    rollups = await database.query(sums_of_rollups)
    assert {key: sums for key, sums in rollups.items() if sums[0][0]} == await database.query(sums_of_rows)
    assert [row["attempts"] for row in await database.read("SELECT attempts FROM why ORDER BY error_kind")] == [1, 0]
    await sleeper.aclose()


async def test_what_is_under_way_stays_held(database: Database, clock: Clock) -> None:
    """However long an answer takes."""
    held: list[Attempt] = []

    async def sleep(seconds: float) -> None:
        assert seconds == RENEWAL_S
        clock.now += seconds
        if clock.now > ROW.started_at + 4 * LEASE_S:
            holds.release(held.pop().id)

    holds = Holds(database, clock, sleep=sleep)
    await holds.take(ABOUT)
    held.append(ABOUT)
    assert holds._renewal is not None
    await holds._renewal
    assert await Holds(database, clock).sweep() == 0
    await holds.aclose()
    assert await database.read("SELECT * FROM holds") == []
    assert await attempts(database) == []


async def test_a_row_and_its_hold_change_places_in_one_transaction(database: Database, clock: Clock) -> None:
    """A process that dies at any moment leaves exactly one of the two."""
    ledger = Ledger(database)
    ledger.holds = Holds(database, clock)
    await ledger.holds.take(ABOUT)
    await ledger.observe(replace(ROW, id="h"))
    assert await database.read("SELECT * FROM holds") == []
    assert await attempts(database) == [("h", None, 1_000_000)]
    ledger.holds.release("h")
    await ledger.holds.aclose()
