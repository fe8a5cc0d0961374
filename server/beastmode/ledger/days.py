"""Local days and months as moments (Unix time), also on the days on which the clocks change.

A day begins when the clock on the wall first shows midnight; where the clocks are put forward at midnight, at the
moment when they are. `zone` None is the zone of this machine.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

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
