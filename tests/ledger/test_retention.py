"""Old rows go, and no report changes for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.attempts import ROW, SHOWN
from tests.support.databases import Blank

from beastmode.ledger.days import start_of
from beastmode.ledger.feedback import FeedbackLog
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.retention import remove_old
from beastmode.ledger.rows import HOUR, record
from beastmode.ledger.totals import Totals, fold
from beastmode.store import Database

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"]
NOW = 1_790_000_000.0


@pytest.mark.parametrize("zone", ZONES)
async def test_local_days_and_months_stay_as_they_were(database: Database, zone: str) -> None:
    """A try every twenty minutes around a month's edge, by the clocks of five time zones."""
    place = ZoneInfo(zone)
    edges = [start_of(date(2026, 5, 30 + day), place) for day in range(2)]
    edges += [start_of(date(2026, 6, 1 + day), place) for day in range(3)]
    ledger = Ledger(database)
    for number, moment in enumerate(range(int(edges[0]) - 7200, int(edges[-1]) + 7200, 1200)):
        await ledger.observe(replace(ROW, id=str(number), started_at=float(moment)))

    async def by_day() -> list[int]:
        found = await database.query(lambda connection: fold(connection, edges, lambda span, *_: span))
        return [found.get(span, Totals())["attempts"] for span in range(4)]

    before = await by_day()
    assert before == [72, 72, 72, 72]
    assert await remove_old(database, 35, NOW, place) > 250
    assert await by_day() == before
    left = (await database.read("SELECT COUNT(*) FROM attempts"))[0][0]
    assert left == 0 if (start_of(date(2026, 6, 1), place) % HOUR) == 0 else left > 0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(1_789_990_000, 1_790_007_200), max_size=12),
    st.lists(st.floats(1_789_990_000, 1_790_007_200), min_size=1, max_size=4, unique=True),
)
def test_spans_still_add_up_to_the_whole(blank: Blank, moments: list[float], cuts: list[float]) -> None:
    """Wherever a span of removed hours is cut, every try counts once."""
    with blank() as connection:
        for number, moment in enumerate(moments):
            record(connection, replace(ROW, id=str(number), started_at=moment), None)
        connection.execute("DELETE FROM attempts WHERE started_at < 1789999200")
        edges = [1_789_988_400.0, *sorted(cuts), 1_790_010_000.0]
        found = fold(connection, edges, lambda *_: "all")
        assert found.get("all", Totals())["attempts"] == len(moments)


async def test_what_is_young_enough_stays(database: Database) -> None:
    """Rows of the days that are kept, of tries and of showings, are not touched."""
    ledger, log = Ledger(database), FeedbackLog(database)
    old, young = NOW - 41 * 86_400, NOW - 39 * 86_400
    for name, moment in (("old", old), ("young", young)):
        await ledger.observe(replace(ROW, id=name, started_at=moment))
        log.put(replace(SHOWN, id=name, shown_at=moment))
    await log.aclose()
    assert await ledger.remove_old(40, NOW) == 2
    for table in ("attempts", "feedback"):
        assert [row["id"] for row in await database.read(f"SELECT id FROM {table}")] == ["young"]  # noqa: S608
    assert await ledger.remove_old(40, NOW) == 0
