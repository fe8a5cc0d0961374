"""Local days and months as moments (Unix time), also on the days on which the clocks change.

A day begins when the clock on the wall first shows midnight; where the clocks are put forward at midnight, at the
moment when they are. `zone` None is the zone of this machine.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

FOREVER = 253_402_300_800.0
"""The year 10000, on the hour."""

_A_MONTH_AND_A_BIT = timedelta(days=31)


def day_of(moment: float, zone: tzinfo | None = None) -> date:
    """The local date of a moment."""
    return datetime.fromtimestamp(moment, zone).date()


def start_of(day: date, zone: tzinfo | None = None) -> float:
    """When a local day began."""
    # Never `replace(hour=0)` on an aware time: that keeps the offset of the afternoon.
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def midnight(now: float, zone: tzinfo | None = None) -> float:
    """When the local day of a moment began."""
    return start_of(day_of(now, zone), zone)


def first_of_month(now: float, zone: tzinfo | None = None) -> float:
    """When the local month of a moment began."""
    return start_of(day_of(now, zone).replace(day=1), zone)


def month(year: int, number: int, zone: tzinfo | None = None) -> tuple[float, float]:
    """When a local month began, and when the next one did."""
    first = date(year, number, 1)
    return start_of(first, zone), start_of((first + _A_MONTH_AND_A_BIT).replace(day=1), zone)


def days(since: float, until: float, zone: tzinfo | None = None) -> Iterator[tuple[date, float]]:
    """The local days that a span touches, each with the moment at which it began, or `since` for the first."""
    day, begins = day_of(since, zone), since
    while begins < until:
        yield day, begins
        day += timedelta(days=1)
        begins = start_of(day, zone)


def read_span(since: str, until: str, month_text: str, zone: tzinfo | None = None) -> tuple[float, float]:
    """A span as a person writes it; empty texts leave it open.

    Args:
        since: `2026-11-22`, `2026-11-22T14:30` (local, unless it says otherwise) or Unix seconds.
        until: the same; a day is meant with all its hours.
        month_text: `2026-11`, instead of both.
        zone: None is this machine's.

    Raises:
        UserError: one of them is no time.
    """
    if month_text:
        if since or until:
            raise UserError("--month stands for a whole month", "Leave --since and --until out")
        try:
            first = date.fromisoformat(f"{month_text}-01")
        except ValueError:
            raise UserError(f"--month {month_text} is no month", "Write it as 2026-11") from None
        return month(first.year, first.month, zone)
    begins = _read("--since", since, zone)[0] if since else 0.0
    ends = _read("--until", until, zone)[1] if until else FOREVER
    if ends <= begins:
        raise UserError(f"--until {until} is not after --since {since}", "Swap them")
    return begins, ends


def _read(option: str, text: str, zone: tzinfo | None) -> tuple[float, float]:
    try:
        if "-" not in text[1:]:
            moment = float(text)
            if not isfinite(moment):
                raise ValueError  # noqa: TRY301 - one message for all
            return moment, moment
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text)
            return start_of(day, zone), start_of(day + timedelta(days=1), zone)
        read = datetime.fromisoformat(text)
        moment = (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        fix = "Write a day (2026-11-22), a local time (2026-11-22T14:30) or Unix seconds"
        raise UserError(f"{option} {text} is no time", fix) from None
    return moment, moment
