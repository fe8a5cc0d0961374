"""Reads a report from the ledger: the sums in one pass over the rollups, so that all parts are of the same tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.usage import from_nano
from beastmode.ledger.days import days
from beastmode.ledger.totals import fold
from beastmode.operations.report.report import Fallback, Kind, PriceUsed, Report, part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from beastmode.ledger.totals import Totals
    from beastmode.operations.report.report import Part
    from beastmode.operations.report.span import Span
    from beastmode.store import Database

MOST_DAYS = 93
"""A longer span is told by month."""

_KEPT = "SELECT COUNT(*) FROM attempts WHERE started_at >= ? AND started_at < ?"
_FALLBACKS = """SELECT model, COUNT(*) AS tries, COALESCE(SUM(cost_nano), 0) AS cost_nano,
        COUNT(*) FILTER (WHERE cost_nano IS NULL AND connect_s IS NOT NULL) AS unpriced
    FROM attempts WHERE started_at >= ? AND started_at < ? AND reason LIKE 'fallback%'
    GROUP BY model ORDER BY 3 DESC, model"""
_PRICES = """SELECT prices.model AS model, input, output, cache_read, cache_write, gpu_hour, as_of, source, uses,
        is_baseline
    FROM (
        SELECT price_id, COUNT(*) AS uses, 0 AS is_baseline FROM attempts
            WHERE started_at >= ? AND started_at < ? AND price_id IS NOT NULL GROUP BY price_id
        UNION ALL
        SELECT baseline_price_id AS price_id, COUNT(*) AS uses, 1 AS is_baseline FROM attempts
            WHERE started_at >= ? AND started_at < ? AND baseline_price_id IS NOT NULL GROUP BY baseline_price_id
    ) AS used JOIN prices ON prices.id = used.price_id
    ORDER BY is_baseline, prices.model, as_of, prices.id"""


async def read_report(database: Database, span: Span, now: float, baseline: str) -> Report:
    """The report about some days.

    Args:
        database: of the ledger.
        span: the days; those to come are empty.
        now: Unix time.
        baseline: the model that savings are measured against, for its name.
    """
    found = await _sums(database, span)
    before = await _sums(database, span.before)
    moments = (span.since, span.until)
    kept = (await database.read(_KEPT, moments))[0][0]
    fallbacks = await database.read(_FALLBACKS, moments)
    prices = await database.read(_PRICES, moments * 2)
    starts = _periods(span)
    return Report(
        span=span,
        is_over=span.until <= now,
        baseline=baseline,
        total=part_of("total", found.items()),
        before=part_of(span.before.name, before.items()) if before else None,
        models=_dearest_first(_parts(found, lambda kind: kind.model)),
        tasks=_dearest_first(_parts(found, lambda kind: kind.task)),
        users=_dearest_first(_parts(found, lambda kind: kind.user)),
        periods=_parts(found, lambda kind: starts[kind.span][0]),
        fallbacks=tuple(
            Fallback(row["model"], row["tries"], from_nano(row["cost_nano"]), row["unpriced"]) for row in fallbacks
        ),
        prices=tuple(
            PriceUsed(**{**{name: row[name] for name in PriceUsed.__slots__}, "is_baseline": bool(row["is_baseline"])})
            for row in prices
        ),
        removed=max(sum(totals["attempts"] for totals in found.values()) - kept, 0),
    )


async def _sums(database: Database, span: Span) -> dict[Kind, Totals]:
    edges = [begins for _, begins in _periods(span)]
    return await database.query(lambda connection: fold(connection, (*edges, span.until), Kind))


def _periods(span: Span) -> list[tuple[str, float]]:
    """The names of the days, or of the months, and when they begin."""
    begun = list(days(span.since, span.until, span.zone))
    if len(begun) <= MOST_DAYS:
        return [(day.isoformat(), begins) for day, begins in begun]
    return [(f"{day:%Y-%m}", begins) for day, begins in begun if day.day == 1 or day == span.first]


def _parts(found: Mapping[Kind, Totals], name_of: Callable[[Kind], str]) -> tuple[Part, ...]:
    """The sums by some name, in its order."""
    groups: dict[str, list[tuple[Kind, Totals]]] = {}
    for kind, totals in found.items():
        groups.setdefault(name_of(kind), []).append((kind, totals))
    return tuple(part_of(name, groups[name]) for name in sorted(groups))


def _dearest_first(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (-part.cost, -part.summary.requests, part.name)))
