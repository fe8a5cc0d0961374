"""`beastmode report`: what a month cost and saved."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli import reconcile
from beastmode.faces.cli.files import agreed, write_to
from beastmode.faces.cli.render import bar, out, prose, table
from beastmode.faces.cli.run import run
from beastmode.operations.report.as_csv import as_csv
from beastmode.operations.report.as_html import as_html
from beastmode.operations.report.as_json import as_json
from beastmode.operations.report.as_markdown import as_markdown
from beastmode.operations.report.as_pdf import as_pdf
from beastmode.operations.report.span import read_span
from beastmode.operations.report.tables import LESS, headline, notes, sections, title

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.operations.report.report import Report


class Format(StrEnum):
    """How a report can be written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"


SUFFIXES = {
    ".md": Format.MARKDOWN,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".pdf": Format.PDF,
}


def report(  # noqa: PLR0917 - one option a question
    month: Annotated[str, typer.Option("--month", help="A local month, 2026-01; else the one that is.")] = "",
    first: Annotated[str, typer.Option("--from", help="The first day, 2026-01-05.")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day, with all its hours; else today.")] = "",
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="Else by the file's name, and a table without one.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there already.")] = False,
    bill: Annotated[
        Path | None, typer.Option("--reconcile", help="Compare with a provider's exported bill instead (CSV).")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")] = False,
) -> None:
    """What a month cost and saved: by model, task, user and day, beside the month before.

    With --reconcile, what a provider's bill has otherwise, and why; days are UTC's then, as on bills, and without
    --month all that the bill has. Exits with 1 if they differ by more than rounding.

    Example: beastmode report --month 2026-01 --output january.pdf

    Example: beastmode report --month 2026-01 --reconcile cost.csv
    """
    wanted = Format.JSON if as_json_ else form or _by_name(output)
    if wanted is Format.PDF and output is None:
        raise UserError("PDF goes to a file", "Name it with --output")
    if bill is not None and wanted not in reconcile.FORMATS:
        raise UserError(
            f"A comparison with a bill cannot be written as {wanted}", f"Use one of {', '.join(reconcile.FORMATS)}"
        )
    may_replace = output is not None and agreed(output, force=force)

    async def work(app: App) -> None:
        span = read_span(month, first, last, time())
        with bar("Adding up the ledger"):
            await app.settle()
            found = await app.cost_report(span)
        if output is None and wanted is Format.TABLE:
            _show(found)
            return
        write_to(output, _written(found, wanted), replace=may_replace)

    if bill is None:
        run(work)
    else:
        span = (month, first, last) if month or first or last else None
        reconcile.reconcile(bill, span, wanted, lambda content: write_to(output, content, replace=may_replace))


def _by_name(output: Path | None) -> Format:
    if output is None:
        return Format.TABLE
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"{output} does not say in which format", f"Name it with --format: {', '.join(Format)}")
    return SUFFIXES[output.suffix.lower()]


def _written(found: Report, form: Format) -> bytes:
    if form is Format.PDF:
        return as_pdf(found)
    writers = {
        Format.TABLE: as_markdown,
        Format.MARKDOWN: as_markdown,
        Format.CSV: as_csv,
        Format.JSON: as_json,
        Format.HTML: as_html,
    }
    return writers[form](found).encode()


def _show(found: Report) -> None:
    prose(out(), title(found), "bold")
    prose(out(), headline(found))
    for section in sections(found):
        out().print()
        prose(out(), section.title, "bold")
        if section.text:
            prose(out(), section.text)
        shown = section.table.fitting(out().width, LESS)
        out().print(table(shown.columns, shown.rows))
    out().print()
    for note in notes(found):
        prose(out(), note, "dim")
