"""The drawings of a report, the same on the page and in the PDF. Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.operations.charts import bars, columns
from beastmode.operations.report.tables import cost
from beastmode.operations.status import dollars

if TYPE_CHECKING:
    from beastmode.operations.report.report import Part, Report
    from beastmode.operations.svg import Drawing

MOST_BARS = 12


def charts(report: Report) -> list[Drawing]:
    """What it cost beside the baseline, day by day, and by model; those that would be empty are left out."""
    if not report.total.summary.requests:
        return []
    total = report.total
    made = [
        bars(
            "Paid, and what the same answers cost on the baseline",
            [
                ("paid", total.cost, cost(total)),
                (report.baseline, total.baseline_cost, _dollars(total.baseline_cost)),
            ],
        )
    ]
    by_name = {part.name: part for part in report.periods}
    names = _names(report)
    by = "month" if report.is_by_month else "day"
    series = [
        ("your own models", [_of(by_name.get(name), "own_cost") for name in names]),
        ("providers' models", [_of(by_name.get(name), "provider_cost") for name in names]),
    ]
    if total.cost:
        made.append(columns(f"Cost by {by}", [name[-2:] for name in names], series, _dollars))
    requests = [float(by_name[name].summary.requests) if name in by_name else 0.0 for name in names]
    made.append(columns(f"Requests by {by}", [name[-2:] for name in names], [("requests", requests)], "{:,.0f}".format))
    paid = [part for part in report.models if part.cost]
    if len(paid) > 1:
        rows = [(part.name, part.cost, cost(part)) for part in paid[:MOST_BARS]]
        made.append(bars("Cost by model", rows))
    return made


def _names(report: Report) -> list[str]:
    """Every day, or every month, of the span, whether there was something or not."""
    if report.is_by_month:
        return [part.name for part in report.periods]
    length = (report.span.end - report.span.first).days
    return [(report.span.first + timedelta(days=number)).isoformat() for number in range(length)]


def _of(part: Part | None, field: str) -> float:
    return 0.0 if part is None else float(getattr(part, field))


def _dollars(amount: Decimal | float) -> str:
    return str(dollars(Decimal(str(amount))))
