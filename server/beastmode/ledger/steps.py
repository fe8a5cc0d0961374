"""A span of time cut into steps for a chart: hours, quarters of a day, days, weeks or months of a time zone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from beastmode.domain.errors import UserError
from beastmode.ledger.days import day_of, days, midnight, read_span, start_of
from beastmode.ledger.rows import HOUR, hour_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

Step = Literal["hour", "quarter of a day", "day", "week", "month"]

DAY = 24 * HOUR
RANGES = {"24h": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}
"""What a person chooses from, as days that end with today; `24h` is the last 24 hours instead."""
LONGEST_DAYS = 3660
_LONGEST: tuple[tuple[Step, int], ...] = (("hour", 2), ("quarter of a day", 14), ("day", 100), ("week", 750))
"""The days that a span may have to be cut into such steps; what is longer is cut into months."""


class Steps(NamedTuple):
    """Moments (Unix time, ascending) between which the steps lie: one more than there are steps."""

    edges: tuple[float, ...]
    step: Step


def cut(since: float, until: float, zone: tzinfo | None = None) -> Steps:
    """Cut a span (Unix time, not empty) into at most about a hundred steps; the zone None is this machine's.

    A step of days or more begins at a local midnight, also where the clocks change; the first one begins at `since`.
    """
    length = (until - since) / DAY
    step: Step = next((step for step, most in _LONGEST if length <= most), "month")
    edges = _hours(since, until) if step == "hour" else _days(since, until, step, zone)
    return Steps((*edges, until), step)


def read_range(name: str, first: str, last: str, now: float, zone: tzinfo | None = None) -> tuple[float, float]:
    """The span (Unix time) that a person chose: one of RANGES, or from a day to a day, both included.

    Raises:
        UserError: it is no span, or longer than ten years.
    """
    if not (first or last):
        if name not in RANGES:
            raise UserError(f"range {name} is not known", f"Choose one of {', '.join(RANGES)}")
        if name == "24h":
            return hour_of(now) - 23 * HOUR, hour_of(now) + HOUR
        today = day_of(now, zone)
        since = start_of(today - timedelta(days=RANGES[name] - 1), zone)
        return since, start_of(today + timedelta(days=1), zone)
    since, until = read_span(first, last, "", zone)
    until = min(until, start_of(day_of(now, zone) + timedelta(days=1), zone))
    if since >= until:
        raise UserError(f"{first} is not before the end of {last or 'today'}", "Choose an earlier first day")
    if until - since > LONGEST_DAYS * DAY:
        raise UserError(f"From {first or '1970'} it is more than ten years", "Choose a later first day")
    return since, until


def _hours(since: float, until: float) -> Iterator[float]:
    yield since
    moment = float(hour_of(since) + HOUR)
    while moment < until:
        yield moment
        moment += HOUR


def _days(since: float, until: float, step: Step, zone: tzinfo | None) -> Iterator[float]:
    for number, (day, begins) in enumerate(days(since, until, zone)):
        if step == "quarter of a day":
            ends = min(start_of(day + timedelta(days=1), zone), until)
            begun = midnight(begins, zone)
            yield begins
            yield from (m for quarter in range(1, 4) if begins < (m := begun + quarter * DAY / 4) < ends)
        elif number == 0 or step == "day" or (step == "week" and number % 7 == 0) or (step == "month" and day.day == 1):
            yield begins
