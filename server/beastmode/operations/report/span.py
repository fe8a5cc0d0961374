"""The days that a report is about, as a person names them, and the days before that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.ledger.days import day_of, start_of

if TYPE_CHECKING:
    from datetime import tzinfo

EARLIEST, LATEST = date(1970, 1, 2), date(9000, 1, 1)
"""Outside of these, local midnights are no moments that every machine knows."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole local days, from `first` up to and without `end`; the zone None is this machine's."""

    first: date
    end: date
    zone: tzinfo | None = None

    @property
    def is_month(self) -> bool:
        """Whether it is one calendar month."""
        return self.first.day == 1 and self.end == _next_month(self.first)

    @property
    def since(self) -> float:
        """Unix time at which it begins."""
        return start_of(self.first, self.zone)

    @property
    def until(self) -> float:
        """Unix time at which it is over."""
        return start_of(self.end, self.zone)

    @property
    def name(self) -> str:
        """`January 2026`, or `2026-01-05 to 2026-01-20`, both days included."""
        if self.is_month:
            return f"{self.first:%B %Y}"
        return f"{self.first} to {self.end - timedelta(days=1)}"

    @property
    def zone_name(self) -> str:
        """`Europe/Berlin`, or what this machine calls its zone from the first day to the last: `CET`, or `CET/CEST`."""
        if key := getattr(self.zone, "key", None):
            return str(key)
        ends = (datetime.fromtimestamp(moment).astimezone(self.zone) for moment in (self.since, self.until - 1))
        return "/".join(dict.fromkeys(each.tzname() or "" for each in ends))

    @property
    def before(self) -> Span:
        """The month before a month, else as many days before, but none before EARLIEST."""
        if self.is_month:
            return Span((self.first - timedelta(days=1)).replace(day=1), self.first, self.zone)
        length = min(self.end - self.first, self.first - EARLIEST)
        return Span(self.first - length, self.first, self.zone)


def read_span(month: str, first: str, last: str, now: float, zone: tzinfo | None = None) -> Span:
    """The days of `--month 2026-01`, or of `--from 2026-01-05 --to 2026-01-20` with both; else the month of `now`.

    Without `--to`, up to the day of `now`.

    Raises:
        UserError: one of them is no month or no day, or the days are in the wrong order.
    """
    today = day_of(now, zone)
    if month:
        if first or last:
            raise UserError("--month stands for a whole month", "Leave --from and --to out")
        begins = _read(f"{month}-01", "--month", month, "Write it as 2026-01")
        return Span(begins, _next_month(begins), zone)
    if not first and not last:
        return Span(today.replace(day=1), _next_month(today.replace(day=1)), zone)
    if not first:
        raise UserError(f"--to {last} has no beginning", "Say --from, too, as --from 2026-01-01")
    fix = "Write a day as 2026-01-31"
    begins = _read(first, "--from", first, fix)
    ends = _read(last, "--to", last, fix) if last else max(today, begins)
    if ends < begins:
        raise UserError(f"--to {last} is before --from {first}", "Swap them")
    return Span(begins, ends + timedelta(days=1), zone)


def _read(text: str, option: str, said: str, fix: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not EARLIEST <= day < LATEST:
        raise UserError(f"{option} {said} is no {'month' if option == '--month' else 'day'}", fix)
    return day


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
