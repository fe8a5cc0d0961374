"""`beastmode models doctor`: what an endpoint can do, and the row that follows from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from beastmode.domain.errors import UserError
from beastmode.faces.cli.render import bar, err, out, table
from beastmode.faces.cli.run import FAILED, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.app import App
    from beastmode.operations.diagnosis import Diagnosis, Finding

MARKS = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}


def doctor(
    model_id: Annotated[str, typer.Argument(help="As `beastmode models list` shows it; `custom:` may be left out.")],
    apply: Annotated[bool, typer.Option("--apply", help="Write what is proposed into the model's row.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to what it costs at a paid provider.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the dialect of a model's endpoint by asking, score its ways to fill holes, propose the row.

    Nothing is guessed from names, and nothing is written without --apply. Exits with 1 if the model gives no answer
    that can be used.

    Example: beastmode models doctor my-code-model --apply
    """

    async def work(app: App) -> None:
        if apply:
            app.models.own_row(model_id)
        plan, costs = app.models.doctor_plan(model_id)
        if costs and yes:
            err().print(f"Sending {plan}, which costs money")
        with bar(f"Examining {model_id}") as say:
            diagnosis = await app.models.doctor(model_id, say, yes=yes)
        if apply and diagnosis.changes:
            await app.models.apply(diagnosis)
        if as_json:
            applied = apply and bool(diagnosis.changes)
            typer.echo(json.dumps({**diagnosis.as_json(), "applied": applied}, indent=2, ensure_ascii=False))
        else:
            _show(diagnosis, applied=apply, has_row=_has_row(app, model_id))
        if not diagnosis.ok:
            raise typer.Exit(FAILED)

    run(work)


def _show(diagnosis: Diagnosis, *, applied: bool, has_row: bool) -> None:
    for finding in diagnosis.findings:
        out().print(_line(finding))
        if finding.fix and not finding.found:
            out().print(Text(f"  {finding.fix}"))
    trials = [trial for trial in diagnosis.fim.trials if trial.verdicts]
    if trials:
        out().print()
        rows = (
            (trial.way.title, trial.line(), None if trial.usual_s is None else f"{trial.usual_s:.2f} s")
            for trial in (*trials, *((diagnosis.fim.blind,) if diagnosis.fim.blind else ()))
        )
        out().print(table(("asked by", "filled", "usual time"), rows))
    out().print()
    if diagnosis.changes:
        out().print(table(("field", "now", "applied" if applied else "proposed", "why"), _changes(diagnosis)))
        if has_row and not applied:
            out().print(Text(f"Write it: beastmode models doctor {diagnosis.model.id} --apply"))
    else:
        out().print("The row is right as it is" if diagnosis.ok else "Nothing can be proposed")
    out().print(Text(f"{diagnosis.requests} requests, about {diagnosis.tokens:,} tokens"))


def _has_row(app: App, model_id: str) -> bool:
    try:
        app.models.own_row(model_id)
    except UserError:
        return False
    return True


def _line(finding: Finding) -> Text:
    mark, colour = MARKS[finding.found]
    return Text(mark, colour).append(f"{finding.name}: ", "bold").append(finding.evidence, "default")


def _changes(diagnosis: Diagnosis) -> Iterator[tuple[str, ...]]:
    from beastmode.operations.diagnosis import shown  # noqa: PLC0415 - only where there was a diagnosis

    return ((each.field, shown(each.now), shown(each.proposed), each.why) for each in diagnosis.changes)
