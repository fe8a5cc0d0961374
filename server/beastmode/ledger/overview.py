"""What a look at the last hours shows: sums in a row of spans and by model, and what failed."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.request import Task
from beastmode.ledger.rows import HOUR
from beastmode.ledger.summary import summary_of
from beastmode.ledger.totals import Totals, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.ledger.summary import Summary
    from beastmode.store import Database

SPANS = 30
"""As many as a narrow terminal shows beside a name."""
_LONG = 12 * HOUR
"""From there on spans are whole hours: those are summed up already, while parts of an hour are added up row by row."""

_FAILURES = """SELECT model, COALESCE(error_kind, 'internal') AS kind, COALESCE(error, '') AS message,
        COUNT(*) AS times, MAX(started_at) AS last_at
    FROM attempts WHERE started_at >= ? AND started_at < ? AND outcome = 'failed' AND task <> 'probe'
    GROUP BY 1, 2, 3 ORDER BY last_at DESC LIMIT ?"""


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


async def overview(database: Database, edges: Sequence[float]) -> Overview:
    """Add up a time by span and by model, tests of a model left out."""

    def key(span: int, model: str, task: str, outcome: str, _user: str) -> tuple[int, str, str] | None:
        return None if task == Task.PROBE else (span, model, outcome)

    found = await database.query(lambda connection: fold(connection, edges, key))
    total: dict[str, Totals] = {}
    models: dict[str, dict[str, Totals]] = {}
    by_span: list[dict[str, Totals]] = [{} for _ in pairwise(edges)]
    for (span, model, outcome), totals in found.items():
        for parts in (total, models.setdefault(model, {}), by_span[span]):
            parts.setdefault(outcome, Totals()).absorb(totals)
    return Overview(
        summary_of(total),
        {model: summary_of(models[model]) for model in sorted(models)},
        [summary_of(parts) for parts in by_span],
        edges,
    )


async def failures(database: Database, since: float, until: float, most: int) -> list[Failure]:
    """What failed in a span (Unix time), the same error of a model once, newest first."""
    rows = await database.read(_FAILURES, (since, until, most))
    return [Failure(*row) for row in rows]
