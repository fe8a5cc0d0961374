"""What a look at the last hours shows: sums in a row of spans and by model, and what failed."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from beastmode.ledger.rows import HOUR
from beastmode.ledger.series import series

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from beastmode.ledger.summary import Summary
    from beastmode.store import Database

SPANS = 30
"""As many as a narrow terminal shows beside a name."""
_LONG = 12 * HOUR
"""From there on spans are whole hours: those are summed up already, while parts of an hour are added up row by row."""

LOOKED_AT = 1000
"""Failures: more would be read for no more errors that differ."""
_FAILURES = f"""SELECT model, kind, message, COUNT(*) AS times, MAX(started_at) AS last_at FROM (
        SELECT model, COALESCE(error_kind, 'internal') AS kind, COALESCE(error, '') AS message, started_at
        FROM attempts WHERE started_at >= ? AND started_at < ? AND outcome = 'failed' AND task <> 'probe'{{wanted}}
        ORDER BY started_at DESC LIMIT {LOOKED_AT}
    ) AS failed GROUP BY model, kind, message ORDER BY last_at DESC LIMIT ?"""  # noqa: S608 - our own number

_KEYS = """SELECT model,
        MAX(started_at) FILTER (WHERE error_kind IN ('unauthorized', 'key_unreadable')) AS refused,
        MAX(started_at) FILTER (WHERE outcome = 'ok' AND cached = 0) AS accepted
    FROM attempts WHERE started_at >= ? GROUP BY model ORDER BY model"""


class Overview(NamedTuple):
    """The sums of a time: all together, by model, and by span, each of which begins at its `edges` (Unix time)."""

    total: Summary
    models: dict[str, Summary]
    spans: list[Summary]
    edges: Sequence[float]


class Failure(NamedTuple):
    """What went wrong with a model: the stable name of the error, its text, how often, and when last (Unix time)."""

    model: str
    kind: str
    message: str
    times: int
    last_at: float


def spans(since: float, until: float) -> list[float]:
    """The edges of at most 30 spans that make up a time, all equally long but the first and the last."""
    step = (until - since) / SPANS
    if until - since < _LONG:
        return [since + step * number for number in range(SPANS)] + [until]
    whole = ceil(step / HOUR) * HOUR
    first = ceil(since / whole) * whole
    inner = range(first, ceil(until), whole)
    return [since, *(float(edge) for edge in inner if since < edge < until), until]


async def overview(database: Database, edges: Sequence[float], user: str | None = None) -> Overview:
    """Add up a time by span and by model, tests of a model left out; of everybody, or of one user ('': the owner)."""
    found = await series(database, edges, user)
    return Overview(found.summary(), {model: found.summary({model}) for model in found.models}, found.steps(), edges)


async def failures(
    database: Database,
    since: float,
    until: float,
    most: int,
    *,
    models: Collection[str] | None = None,
    user: str | None = None,
) -> list[Failure]:
    """What failed in a span (Unix time), the same error of a model once, newest first; of the last LOOKED_AT failures.

    None: every model, or every user.
    """
    wanted = [*([] if user is None else ['"user" = ?']), *([] if models is None else [f"model IN ({_marks(models)})"])]
    given = (since, until, *([] if user is None else [user]), *(models or ()), most)
    rows = await database.read(_FAILURES.format(wanted="".join(f" AND {each}" for each in wanted)), given)
    return [Failure(*row) for row in rows]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values)) or "NULL"


async def refused_keys(database: Database, since: float) -> dict[str, bool]:
    """Of each model that ever refused its key since a moment (Unix time), whether it did so the last time."""
    rows = await database.read(_KEYS, (since,))
    return {
        row["model"]: row["accepted"] is None or row["refused"] >= row["accepted"]
        for row in rows
        if row["refused"] is not None
    }
