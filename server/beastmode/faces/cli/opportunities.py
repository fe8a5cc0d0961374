"""`beastmode opportunities`: where the code could be better, by file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, out, table
from beastmode.faces.cli.run import FAILED, run

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.operations.opportunities import Survey

_HERE = Path()
_COLOURS = {"high": "red", "medium": "yellow", "low": "default"}
_KINDS_HELP = "Only this kind, such as duplicate-code; may be given several times. A wrong one lists them all."


def opportunities(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A workspace, or one file.")] = _HERE,
    *,
    kind: Annotated[list[str] | None, typer.Option("--kind", "-k", help=_KINDS_HELP)] = None,
    min_severity: Annotated[
        Literal["low", "medium", "high"], typer.Option("--min-severity", help="The lowest that is shown.")
    ] = "low",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show so many, the gravest first.")] = 100,
    fail_above: Annotated[
        int | None, typer.Option("--fail-above", min=0, metavar="N", help="Exit with 1 where there are more than N.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find where the code could be better; no model is asked.

    Long functions, duplicates, dead code and the like.
    """
    # Not at the top: every command would wait for the rules.
    from beastmode.context.opportunities import Severity  # noqa: PLC0415
    from beastmode.operations.opportunities import Wanted, in_file, survey  # noqa: PLC0415

    async def work(app: App) -> Survey:
        wanted = Wanted(kind or (), Severity(min_severity))
        if path.is_file():
            return await in_file(path, wanted)
        with bar(f"Looking at {path.resolve().name}") as say:
            return await survey(
                path,
                app.settings.paths.home,
                wanted,
                lambda done, total: say(f"{done} of {total} files", done / max(1, total)),
            )

    found = run(work)
    if as_json:
        rows = [asdict(each) for each in found.opportunities[:limit]]
        told = {"opportunities": rows, "total": len(found.opportunities), "files": found.files}
        typer.echo(json.dumps(told | {"left_out": dict(found.left_out)}, indent=2))
    else:
        _show(found, limit)
    if fail_above is not None and len(found.opportunities) > fail_above:
        raise typer.Exit(FAILED)


def _show(found: Survey, limit: int) -> None:
    from beastmode.operations.opportunities import by_file  # noqa: PLC0415 - as above

    for path, group in by_file(found.opportunities[:limit]):
        out().print(Text(path, "bold"))
        rows = [(f"  {each.line + 1}", each.severity, each.kind, each.name or None, each.reason) for each in group]
        drawn = table(("  line", "severity", "kind", "in", "why"), rows)
        for row, each in zip(drawn.rows, group, strict=True):
            row.style = _COLOURS[each.severity]
        out().print(drawn)
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(found.left_out.items()))
    shown = f", {limit} shown" if len(found.opportunities) > limit else ""
    typer.echo(
        f"{len(found.opportunities)} opportunities{shown} in {found.files} files"
        + (f"; left out: {left_out}" if left_out else "")
    )
