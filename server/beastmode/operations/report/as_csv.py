"""A report as CSV, for a spreadsheet: a row for the total, and one for every model, task, user and day."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from beastmode.ledger.export import safe_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.operations.report.report import Part, Report


def as_csv(report: Report) -> str:
    """All rows; dollars are exact, shares between 0 and 1, times in seconds, and what is not known is empty."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(("from", "to_before", "by", *report.total.as_json()))
    days = (report.span.first.isoformat(), report.span.end.isoformat())
    for by, part in _rows(report):
        told = part.as_json()
        writer.writerow((*days, by, safe_cell(told.pop("name")), *told.values()))
    return file.getvalue()


def _rows(report: Report) -> Iterator[tuple[str, Part]]:
    yield "total", report.total
    groups = {"model": report.models, "task": report.tasks, "user": report.users, "day": report.periods}
    for by, parts in groups.items():
        for part in parts:
            yield by, part
