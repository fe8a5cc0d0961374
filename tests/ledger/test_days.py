"""Local days and months, on the days on which the clocks change too."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.support.attempts import ROW

from beastmode.domain.errors import UserError
from beastmode.ledger.days import FOREVER, days, midnight, month, read_span, start_of
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.report import report
from beastmode.store import Database

CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), 23.0),
    "America/New_York": (date(2026, 11, 1), 25.0),
    "America/Santiago": (date(2026, 9, 6), 23.0),  # at midnight, which that day does not have
    "Australia/Lord_Howe": (date(2026, 4, 5), 24.5),  # by half an hour
    "America/St_Johns": (date(2026, 3, 8), 23.0),  # half an hour off the hours of UTC
    "Asia/Kathmandu": (date(2026, 3, 8), 24.0),  # a quarter of an hour off, and never changes
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_day_has_the_hours_that_it_has(name: str, database: Database) -> None:
    """Tries every ten minutes around a change of the clocks: each local day gets what its calendar says, no more."""
    zone, (changing, hours) = ZoneInfo(name), CHANGES[name]
    begins, ends = start_of(changing, zone), start_of(changing + timedelta(days=1), zone)
    assert (ends - begins) / 3600 == hours
    ledger = Ledger(database)
    moments = [begins + 600 * n for n in range(-50, 200)]
    for moment in moments:
        await ledger.observe(replace(ROW, id=str(moment), started_at=moment))
    found = (await report(database, 0.0, FOREVER, "day", zone)).parts
    by_calendar = Counter(datetime.fromtimestamp(moment, zone).date().isoformat() for moment in moments)
    assert {day: part.requests for day, part in found.items()} == by_calendar
    assert by_calendar[changing.isoformat()] == hours * 6
    assert await ledger.spent(begins) == sum(moment >= begins for moment in moments) * (ROW.cost or 0)
    await database.close()


@pytest.mark.parametrize("name", CHANGES)
def test_a_day_begins_when_the_clock_shows_midnight(name: str) -> None:
    """From any moment of the day, before or after the change."""
    zone, (changing, hours) = ZoneInfo(name), CHANGES[name]
    begins = start_of(changing, zone)
    assert {midnight(begins + 600 * n, zone) for n in range(int(hours * 6))} == {begins}
    assert midnight(begins - 1, zone) < begins
    assert datetime.fromtimestamp(begins - 1, zone).date() == changing - timedelta(days=1)


def test_a_month_goes_from_local_first_to_local_first() -> None:
    """Also over the change of the clocks and over the end of the year."""
    berlin = ZoneInfo("Europe/Berlin")
    assert month(2026, 3, berlin) == (
        datetime(2026, 2, 28, 23, tzinfo=UTC).timestamp(),
        datetime(2026, 3, 31, 22, tzinfo=UTC).timestamp(),
    )
    assert month(2026, 12, berlin)[1] == month(2027, 1, berlin)[0]


def test_the_days_of_a_span_follow_each_other() -> None:
    """The first one from where the span begins."""
    zone = ZoneInfo("Asia/Kolkata")
    begins = start_of(date(2026, 11, 22), zone)
    assert list(days(begins + 5, begins + 86400 + 1, zone)) == [
        (date(2026, 11, 22), begins + 5),
        (date(2026, 11, 23), begins + 86400),
    ]


def test_a_span_as_a_person_writes_it() -> None:
    """A day is meant with all its hours; a time without a zone is local."""
    zone = ZoneInfo("Asia/Kolkata")
    day = start_of(date(2026, 11, 22), zone)
    assert read_span("", "", "", zone) == (0.0, FOREVER)
    assert read_span("2026-11-22", "2026-11-22", "", zone) == (day, day + 86400)
    assert read_span("2026-11-22T01:00", "2026-11-22T01:00+00:00", "", zone) == (day + 3600, day + 23400)
    assert read_span("1790000000", "", "", zone) == (1_790_000_000.0, FOREVER)
    assert read_span("", "", "2026-11", zone) == month(2026, 11, zone)


@pytest.mark.parametrize(
    "wrong",
    [
        ("yesterday", "", ""),
        ("2026-02-30", "", ""),
        ("nan", "", ""),
        ("", "", "2026-13"),
        ("2026-11-22", "", "2026-11"),
        ("2026-11-22", "2026-11-21", ""),
    ],
)
def test_what_is_no_time_is_named(wrong: tuple[str, str, str]) -> None:
    """With what to write instead."""
    with pytest.raises(UserError) as caught:
        read_span(*wrong)
    assert caught.value.fix
