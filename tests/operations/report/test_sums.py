"""The parts are the whole, whatever the ledger holds; days and months are those of the calendar on the wall."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from time import tzset
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.attempts import GPT4, ROW, any_attempts

from beastmode.domain.errors import UserError
from beastmode.domain.routing import Attempt
from beastmode.ledger.days import start_of
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import price_id
from beastmode.ledger.retention import remove_old
from beastmode.operations.report.read import read_report
from beastmode.operations.report.report import Part
from beastmode.operations.report.span import EARLIEST, Span, read_span
from beastmode.operations.report.tables import notes
from beastmode.store import Database

ADDED = ("cost", "unpriced", "own_cost", "provider_cost", "failed", "failed_cost", "cancelled_cost", "baseline_cost")
COUNTED = ("requests", "succeeded", "cancelled", "cached", "input_tokens", "output_tokens", "estimated_cost")
ZONES = {
    "Europe/Berlin": "2026-03",
    "America/New_York": "2026-11",
    "America/Santiago": "2026-09",  # the day of the change has no midnight
    "Australia/Lord_Howe": "2026-04",  # by half an hour
    "Asia/Kathmandu": "2026-01",  # a quarter of an hour off
}
NOW = 1_790_100_000.0


def added_up(parts: tuple[Part, ...]) -> dict[str, Decimal]:
    sums = {name: sum((Decimal(getattr(part, name)) for part in parts), Decimal(0)) for name in ADDED}
    return sums | {name: sum((Decimal(getattr(part.summary, name)) for part in parts), Decimal(0)) for name in COUNTED}


@settings(max_examples=25, deadline=None)
@given(tries=any_attempts, hours=st.integers(-12, 12), zone=st.sampled_from(sorted(ZONES)))
async def test_the_parts_are_the_whole(
    tries: list[Attempt], hours: int, zone: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Models, tasks, users and days each add up to the total, to the nano-dollar, wherever midnight falls."""
    database = await Database.open(tmp_path_factory.mktemp("any") / "l.db")
    await database.transact(lambda connection: price_id(connection, "openai:gpt-4", GPT4))
    ledger = Ledger(database, baseline="openai:gpt-4")
    await ledger.recall()
    moved = (
        replace(attempt, started_at=attempt.started_at + 3600 * hours, user=("", "ada", "bob")[number % 3])
        for number, attempt in enumerate(tries)
    )
    await asyncio.gather(*map(ledger.observe, moved))
    span = read_span("", "2026-09-20", "2026-09-23", NOW, ZoneInfo(zone))
    report = await read_report(database, span, NOW, "openai:gpt-4")
    await database.close()
    whole = added_up((report.total,))
    assert whole["requests"] + whole["cancelled"] == len(tries)
    assert whole["cost"] == whole["own_cost"] + whole["provider_cost"]
    for parts in (report.models, report.tasks, report.users, report.periods):
        assert added_up(parts) == whole


@pytest.mark.parametrize("name", ZONES)
async def test_a_month_has_the_days_of_its_calendar(name: str, tmp_path: Path) -> None:
    """A try in every hour, over both edges and a change of the clocks: each day gets its own, no month another's."""
    zone, month = ZoneInfo(name), ZONES[name]
    span = read_span(month, "", "", NOW, zone)
    moments = [span.since - 90_000 + 3600 * number for number in range(24 * 34)]
    moments += [span.since, span.since - 0.001, span.until, span.until - 0.001]
    database = await Database.open(tmp_path / "l.db")
    ledger = Ledger(database)
    rows = (replace(ROW, id=str(number), started_at=moment) for number, moment in enumerate(moments))
    await asyncio.gather(*map(ledger.observe, rows))
    report = await read_report(database, span, NOW, "")
    await database.close()
    by_calendar = Counter(datetime.fromtimestamp(moment, zone).date().isoformat() for moment in moments)
    own = {day: count for day, count in by_calendar.items() if day.startswith(month)}
    assert {part.name: part.summary.requests for part in report.periods} == own
    assert report.total.summary.requests == sum(own.values())
    assert report.span.zone_name == name


def test_spans_as_they_are_written() -> None:
    """A month, days with both ends, the month that is, and what each is compared with."""
    zone = ZoneInfo("Europe/Berlin")
    january = read_span("2026-01", "", "", NOW, zone)
    assert (january.name, january.before.name) == ("January 2026", "December 2025")
    assert january.since == start_of(date(2026, 1, 1), zone)
    some = read_span("", "2026-01-05", "2026-01-20", NOW, zone)
    assert (some.name, some.before.name) == ("2026-01-05 to 2026-01-20", "2025-12-20 to 2026-01-04")
    assert read_span("", "2026-09-01", "", NOW, zone).end == date(2026, 9, 23)
    assert read_span("", "", "", NOW, zone).name == "September 2026"
    assert Span(date(2026, 3, 1), date(2026, 4, 1)).before == Span(date(2026, 2, 1), date(2026, 3, 1))
    assert not Span(date(2026, 1, 31), date(2026, 2, 28)).is_month
    assert read_span("", "2026-01-01", "8999-12-31", NOW, zone).before.first == EARLIEST
    assert read_span("1970-02", "", "", NOW, zone).before.end == date(1970, 2, 1)


def test_the_zone_of_this_machine_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of them, where the clocks change meanwhile."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    tzset()
    try:
        assert read_span("2026-01", "", "", NOW).zone_name == "CET"
        assert read_span("2026-03", "", "", NOW).zone_name == "CET/CEST"
    finally:
        monkeypatch.undo()
        tzset()


@pytest.mark.parametrize(
    ("month", "first", "last"),
    [
        ("2026-13", "", ""),
        ("2026-1", "", ""),
        ("jan", "", ""),
        ("2026-01", "2026-01-01", ""),
        ("", "", "2026-01-01"),
        ("", "2026-01-02", "2026-01-01"),
        ("", "2026-02-30", ""),
        ("", "0001-01-01", ""),
        ("", "20260101", ""),
        ("", "2026-W01-1", ""),
    ],
)
def test_what_is_no_span_is_named(month: str, first: str, last: str) -> None:
    """With what was written, and a fix."""
    with pytest.raises(UserError) as raised:
        read_span(month, first, last, NOW)
    assert raised.value.fix
    assert any(each and each in raised.value.message for each in (month, first, last, "--month"))


async def test_a_long_span_is_told_by_month(january_ledger: Database) -> None:
    """A year has twelve rows, not 365, and they are the same sums."""
    zone = ZoneInfo("Europe/Berlin")
    report = await read_report(january_ledger, read_span("", "2025-07-10", "2026-06-30", NOW, zone), NOW, "")
    assert report.is_by_month
    assert [part.name for part in report.periods] == ["2025-12", "2026-01", "2026-02"]
    assert added_up(report.periods) == added_up((report.total,))


async def test_rows_that_are_not_kept_are_missed_aloud(january_ledger: Database) -> None:
    """The sums of a month stay when its rows go; that what stepped in went with them is said, not passed over."""
    span = read_span("2026-01", "", "", NOW, ZoneInfo("Europe/Berlin"))
    before = await read_report(january_ledger, span, NOW, "")
    await remove_old(january_ledger, 90, NOW, ZoneInfo("Europe/Berlin"))
    after = await read_report(january_ledger, span, NOW, "")
    assert (before.removed, after.total) == (0, before.total)
    assert before.fallbacks
    assert after.fallbacks == ()
    assert after.removed == after.total.summary.requests + after.total.summary.cancelled
    assert any("keep_days" in note for note in notes(after))
    assert not any("keep_days" in note for note in notes(before))
