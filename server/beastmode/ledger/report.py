"""Sums by model, by task, by day or by month, in the local time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from beastmode.ledger.days import days
from beastmode.ledger.summary import summary_of
from beastmode.ledger.totals import Totals, fold

if TYPE_CHECKING:
    from datetime import tzinfo

    from beastmode.ledger.summary import Summary
    from beastmode.store import Database

By = Literal["model", "task", "day", "month"]


class Report(NamedTuple):
    """Summaries by name (a model, a task, `2026-11-22`, `2026-11`), and all together."""

    parts: dict[str, Summary]
    total: Summary


_Parts = dict[str, dict[str, Totals]]


async def report(database: Database, since: float, until: float, by: By, zone: tzinfo | None = None) -> Report:
    """Add up a span (Unix time), tests of a model included: they cost what they cost.

    Days and months without a single try are left out. The zone None is this machine's.
    """
    # The first row's day is where the days begin, not 1970.
    rows = await database.read("SELECT MIN(hour), MAX(hour) + 3600 FROM rollups")
    first, last = rows[0]
    if first is None or first >= until or last <= since:
        return Report({}, summary_of({}))
    since, until = max(since, first), min(until, last)
    names, edges = [""], [since]
    if by in {"day", "month"}:
        spans = list(days(since, until, zone))
        names = [day.isoformat() if by == "day" else f"{day:%Y-%m}" for day, _ in spans]
        edges = [begins for _, begins in spans]

    def key(span: int, model: str, task: str, outcome: str, _user: str) -> tuple[str, str]:
        return {"model": model, "task": task}.get(by, names[span]), outcome

    found = await database.query(lambda connection: fold(connection, (*edges, until), key))
    parts: _Parts = {}
    every: dict[str, Totals] = {}
    for (name, outcome), totals in found.items():
        parts.setdefault(name, {})[outcome] = totals
        every.setdefault(outcome, Totals()).absorb(totals)
    return Report({name: summary_of(parts[name]) for name in sorted(parts)}, summary_of(every))
