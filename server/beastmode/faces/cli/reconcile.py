"""`beastmode report --reconcile`: a provider's bill beside the ledger."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from time import time
from typing import TYPE_CHECKING

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli.render import out, prose, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.reconcile.bill import read_bill
from beastmode.operations.reconcile.tables import as_markdown, causes, differences, headline
from beastmode.operations.report.span import read_span

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beastmode.app import App
    from beastmode.operations.reconcile.bill import Bill
    from beastmode.operations.reconcile.compare import Comparison

FORMATS = ("table", "markdown", "json")
MOST_BYTES = 100_000_000
"""Of a bill; what is larger is none."""


def reconcile(path: Path, span: tuple[str, str, str] | None, form: str, write: Callable[[bytes], None]) -> None:
    """Compare, and show or write it.

    Args:
        path: of the bill.
        span: month, first and last day as they were written; None for all days of the bill.
        form: one of FORMATS.
        write: takes what is not for the terminal.
    """
    bill = _read(path)
    first, last = bill.days
    if span is not None:
        wanted = read_span(*span, time(), UTC)
        first, last = wanted.first, wanted.end - timedelta(days=1)

    async def work(app: App) -> None:
        await app.settle()
        found = await app.reconcile(bill, first, last)
        if form == "table":
            _show(found)
        else:
            write((_as_json(found) if form == "json" else as_markdown(found)).encode())
        if not found.agrees:
            raise typer.Exit(FAILED)

    run(work)


def _read(path: Path) -> Bill:
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path} is too large for a bill", "Export one month at a time")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text", "Export the bill as CSV") from None
    return read_bill(text, path.name)


def _as_json(found: Comparison) -> str:
    return json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n"


def _show(found: Comparison) -> None:
    prose(out(), headline(found), "bold")
    for each in (causes(found), differences(found)):
        if each.rows:
            out().print()
            out().print(table(each.columns, each.rows))
