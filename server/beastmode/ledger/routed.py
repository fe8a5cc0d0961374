"""Where the requests of a span were routed and why, and how they failed: from the counts of `why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beastmode.ledger.rows import HOUR, hour_of
from beastmode.ledger.why import HARD

if TYPE_CHECKING:
    from collections.abc import Collection

    from beastmode.store import Database

_READ = f"""SELECT model, reason, error_kind, "user", SUM(attempts) AS attempts FROM (
        SELECT model, reason, error_kind, "user", attempts FROM why
            WHERE hour >= :first AND hour < :last AND task <> 'probe'
        UNION ALL
        SELECT model, CASE WHEN reason LIKE '{HARD} (%' THEN '{HARD}' ELSE reason END, COALESCE(error_kind, ''),
            "user", 1 FROM attempts WHERE started_at >= :since AND started_at < :begun AND task <> 'probe'
        UNION ALL
        SELECT model, CASE WHEN reason LIKE '{HARD} (%' THEN '{HARD}' ELSE reason END, COALESCE(error_kind, ''),
            "user", 1 FROM attempts WHERE started_at >= :ended AND started_at < :until AND task <> 'probe'
    ) AS counted GROUP BY model, reason, error_kind, "user" ORDER BY SUM(attempts) DESC, model, reason"""  # noqa: S608 - our own words


class Routed(NamedTuple):
    """How many tries at a model there were for a reason, by how they failed ('' for those that did not)."""

    model: str
    reason: str
    error_kind: str
    attempts: int


async def routed(
    database: Database, since: float, until: float, models: Collection[str] | None = None, user: str | None = None
) -> list[Routed]:
    """The tries of a span (Unix time), tests of a model left out, the most frequent first.

    An hour that the span cuts is read row by row, so that every span is exact. None: every model, or every user.
    """
    first, last = hour_of(since) + (HOUR if since % HOUR else 0), hour_of(until)
    begun, ended = (first, last) if first < last else (until, until)
    span = {"since": since, "until": until, "first": first, "last": last, "begun": begun, "ended": ended}
    return [
        Routed(row["model"], row["reason"], row["error_kind"], row["attempts"])
        for row in await database.read(_READ, span)
        if (models is None or row["model"] in models) and user in {None, row["user"]}
    ]
