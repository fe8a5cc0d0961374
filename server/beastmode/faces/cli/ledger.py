"""`beastmode ledger …`: every request, as it was recorded."""

from __future__ import annotations

import json
import sys
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from decimal import Decimal
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, BinaryIO, get_args

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import acceptances, attempts, bar, complain, out, silences, sums
from beastmode.faces.cli.run import FAILED, run
from beastmode.ledger.days import read_span
from beastmode.ledger.export import Format, writer_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.app import App
    from beastmode.ledger.export import Writer
    from beastmode.ledger.feedback import Acceptance
    from beastmode.ledger.summary import Summary


class By(StrEnum):
    """What is summed up apart."""

    MODEL = "model"
    TASK = "task"
    DAY = "day"
    MONTH = "month"


class AcceptanceBy(StrEnum):
    """What suggestions are summed up by."""

    MODEL = "model"
    LANGUAGE = "language"
    TRIGGER = "trigger"


Since = Annotated[str, typer.Option("--since", help="2026-11-22, 2026-11-22T14:30 (local time) or Unix seconds.")]
Until = Annotated[str, typer.Option("--until", help="The same; a day counts with all its hours.")]
Month = Annotated[str, typer.Option("--month", help="A local month, 2026-11.")]


def build() -> typer.Typer:
    """The commands of the group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("tail")(tail)
    group.command("sum")(total)
    group.command("export")(export)
    group.command("acceptance")(acceptance)
    group.command("silence")(silence)
    group.command("vacuum")(vacuum)
    return group


def tail(
    count: Annotated[int, typer.Option("--count", "-n", min=1)] = 20,
    since: Since = "",
    until: Until = "",
    month: Month = "",
    as_json: Json = False,
) -> None:
    """The newest requests, one row for every try."""

    async def work(app: App) -> None:
        rows = [dict(row) for row in await app.ledger.tail(count, *read_span(since, until, month))]
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
        else:
            out().print(attempts(rows))

    run(work)


def total(
    by: Annotated[By, typer.Option("--by", help="What is summed up apart.")] = By.MODEL,
    since: Since = "",
    until: Until = "",
    month: Month = "",
    as_json: Json = False,
) -> None:
    """What a span of time adds up to, by model, task, local day or local month."""

    async def work(app: App) -> None:
        span = read_span(since, until, month)
        await app.settle()
        report = await app.ledger.report(*span, by.value)
        if as_json:
            parts = {name: _told(part) for name, part in report.parts.items()}
            typer.echo(json.dumps({by.value: parts, "total": _told(report.total)}, indent=2))
        else:
            out().print(sums(by.value, [*report.parts.items(), ("total", report.total)]))

    run(work)


def acceptance(
    by: Annotated[AcceptanceBy, typer.Option("--by", help="What is summed up apart.")] = AcceptanceBy.MODEL,
    since: Since = "",
    until: Until = "",
    month: Month = "",
    as_json: Json = False,
) -> None:
    """What became of the suggestions that were shown, and whether what was taken stayed."""

    async def work(app: App) -> None:
        report = await app.ledger.acceptance(*read_span(since, until, month), by.value)
        if as_json:
            parts = {name: _accepted(part) for name, part in report.parts.items()}
            typer.echo(json.dumps({by.value: parts, "total": _accepted(report.total)}, indent=2))
        else:
            out().print(acceptances(by.value, [*report.parts.items(), ("total", report.total)]))

    run(work)


def silence(since: Since = "", until: Until = "", month: Month = "", as_json: Json = False) -> None:
    """Why there was no suggestion, and how often memory had one so that no model was asked."""

    async def work(app: App) -> None:
        counted = await app.ledger.silence(*read_span(since, until, month))
        if as_json:
            typer.echo(json.dumps(asdict(counted) | {"hit_rate": counted.hit_rate}, indent=2))
        else:
            out().print(silences(counted))

    run(work)


def export(
    form: Annotated[str, typer.Option("--format", "-f", help="csv, json (an object a line) or parquet.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; else standard output.")] = None,
    since: Since = "",
    until: Until = "",
    month: Month = "",
) -> None:
    """Every try of a span of time for other programs: times in UTC, money in US dollars."""

    async def work(app: App) -> None:
        span = read_span(since, until, month)
        written = 0
        with _writer(form, output) as writer:
            async with aclosing(app.ledger.pages(*span)) as pages:
                async for page in pages:
                    writer.write(page)
                    written += len(page)
        if output is not None:
            typer.echo(f"{written} rows written to {output}")

    run(work)


def vacuum(as_json: Json = False) -> None:
    """Remove the rows that `ledger.keep_days` does not keep, and give their room back to the disk. Sums stay.

    Example: BEASTMODE_LEDGER__KEEP_DAYS=90 beastmode ledger vacuum
    """

    async def work(app: App) -> None:
        with bar("Removing old rows") as say:
            removed = await app.trim()
            say("Making the file smaller")
            before, after = await app.shrink()
        if as_json:
            typer.echo(json.dumps({"removed": removed, "bytes_before": before, "bytes_after": after}, indent=2))
        else:
            out().print(f"Removed {removed} rows; the database has {after // 1000} kB, and had {before // 1000} kB")

    run(work)


@contextmanager
def _writer(form: str, output: Path | None) -> Iterator[Writer]:
    wanted = form or (output.suffix.removeprefix(".") if output else "") or "csv"
    formats: dict[str, Format] = {name: name for name in get_args(Format)}
    if wanted not in formats:
        raise UserError(f"--format {wanted} is not known", f"Choose one of {', '.join(formats)}")
    if output is None and wanted == "parquet":
        raise UserError("Parquet goes to a file", "Name it with --output")
    with _file(output) as file:
        writer = writer_to(file, formats[wanted])
        yield writer
        writer.close()


@contextmanager
def _file(output: Path | None) -> Iterator[BinaryIO]:
    """A file that was not there before, and is not there after a failure."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = output.open("xb")
    except OSError as error:
        fix = "Name another file, or remove this one" if output.exists() else "Name a file in a folder of yours"
        complain(f"{output} cannot be written: {error.strerror}", fix)
        raise typer.Exit(FAILED) from None
    try:
        with file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _told(part: Summary) -> dict[str, object]:
    """A summary for scripts: seconds, shares, and dollars as decimals."""
    told: dict[str, object] = asdict(part) | {"success_rate": part.success_rate, "savings": part.savings}
    told |= {"savings_low": part.savings_low, "savings_high": part.savings_high}
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in told.items()}


def _accepted(part: Acceptance) -> dict[str, object]:
    """What became of suggestions, for scripts: counts, characters, and shares between 0 and 1."""
    return asdict(part) | {"used": part.used, "rate": part.rate}
