"""`beastmode evaluate`: how well models fill holes cut in the user's own code."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.faces.cli.render import bar, complain, err, out, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.evaluate.holes import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.app import App
    from beastmode.operations.evaluate.evaluator import Evaluator, Result, Wish
    from beastmode.operations.evaluate.store import Run
    from beastmode.operations.table import Table


def evaluate(  # noqa: PLR0917 - one option a question
    repositories: Annotated[
        list[Path] | None, typer.Argument(help="Folders with code; . where none is given.", metavar="[FOLDER]...")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="An id, any number of times; otherwise the selected model.")
    ] = None,
    holes: Annotated[int, typer.Option("--holes", min=1, max=10_000, help="How many to cut.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="The same one cuts the same holes.")] = 1,
    kinds: Annotated[
        list[Kind] | None, typer.Option("--kinds", help="Only this kind of hole, any number of times.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", help="Only this language, as python; any number of times.")
    ] = None,
    naive: Annotated[
        bool, typer.Option("--naive", help="Compare with the bare model: no suffix, no context, no filters.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="Leave out a source of context: its name, `each` in turn, or all: `context`."),
    ] = None,
    include_tests: Annotated[bool, typer.Option("--include-tests", help="Cut holes in tests, too.")] = False,
    tests: Annotated[
        str, typer.Option("--tests", help="A command to run with each suggestion in a copy: 'pytest -q'.")
    ] = "",
    allow_running_tests: Annotated[
        bool, typer.Option("--allow-running-tests", help="Agree that what a model wrote is executed by --tests.")
    ] = False,
    resume: Annotated[str, typer.Option("--resume", help="Go on with a run: its id, or `last`.")] = "",
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take what models said to the very same questions in earlier runs.")
    ] = False,
    json_to: Annotated[Path | None, typer.Option("--json", help="Write JSON there; - for standard output.")] = None,
    html_to: Annotated[Path | None, typer.Option("--html", help="Write a page with plots there.")] = None,
    fail_below: Annotated[
        list[str] | None, typer.Option("--fail-below", help="Exit with 1 below: exact=0.3, any number of times.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to what it costs at a paid provider.")] = False,
) -> None:
    """Let models fill holes cut in your code, through the real engine, and compare.

    The first model is what the others are compared with. Nothing in the folders is changed. What was done is kept, so
    Ctrl-C loses nothing; the code in the holes' files goes to the models that you name.

    Example: beastmode evaluate . --model my-code-model --model openai:gpt-4 --naive --html report.html
    """
    limits = _limits(fail_below or ())
    if tests and not allow_running_tests:
        complain(
            "--tests executes what a model wrote, with your rights",
            "Repeat with --allow-running-tests to agree, best in a container",
        )
        raise typer.Exit(FAILED)

    async def work(app: App) -> None:
        from beastmode.operations.evaluate.evaluator import Wish  # noqa: PLC0415 - `--help` needs none of it

        evaluator = app.evaluator(os.environ)
        if resume:
            begun = evaluator.resume(resume)
        else:
            wish = Wish(
                roots=tuple(repositories or [Path()]),
                models=tuple(model or [_selected(app)]),
                holes=holes,
                seed=seed,
                kinds=tuple(kinds or Kind),
                languages=tuple(language or ()),
                naive=naive,
                without=tuple(without or ()),
                with_tests=include_tests,
                tests=tuple(shlex.split(tests)),
            )
            begun = await _begin(evaluator, wish, yes=yes)
        result = await _evaluate(evaluator, begun, reuse=reuse)
        _write(result, json_to, html_to)
        if json_to is None or str(json_to) != "-":
            _show(result)
        if result.error is not None:
            raise result.error
        if result.summary.failures:
            failed = f"{len(result.summary.failures)} questions failed; the last: {result.summary.failures[-1]}"
            raise UserError(failed, f"beastmode evaluate --resume {result.run.id} asks them again")
        _check(result, limits)

    run(work)


def _selected(app: App) -> str:
    model = app.registry.selected(Task.INLINE)
    if model is None:
        raise UserError("No model is selected", "Name one with --model, or fetch the built-in one")
    return model.id


async def _begin(evaluator: Evaluator, wish: Wish, *, yes: bool) -> Run:
    """Cut the holes, and ask for consent where it costs money."""
    plan = evaluator.plan(wish)
    expense = await evaluator.expense(plan)
    if expense is not None and not yes:
        raise UserError(f"This costs money: it sends {expense}", "Repeat with --yes to agree, or lower --holes")
    if expense is not None:
        err().print(Text(f"Sending {expense}"))
    if len(plan.holes) < wish.holes:
        err().print(Text(f"There is room for {len(plan.holes)} holes only"))
    return evaluator.begin(plan)


async def _evaluate(evaluator: Evaluator, begun: Run, *, reuse: bool) -> Result:
    err().print(Text(f"Run {begun.id}: beastmode evaluate --resume {begun.id} goes on with it", "dim"))
    with bar("Evaluating") as say:
        return await evaluator.evaluate(begun, lambda message, part: say(_plain(message), part), reuse=reuse)


def _plain(message: str) -> str:
    """Without what a terminal or the bar would take for an order: file names are the repository's to choose."""
    return escape("".join(each if each.isprintable() else "?" for each in message))


def _write(result: Result, json_to: Path | None, html_to: Path | None) -> None:
    from beastmode.operations.evaluate.page import page  # noqa: PLC0415 - only where there is something to write

    try:
        if json_to is not None:
            text = json.dumps(result.summary.as_json(), indent=2)
            if str(json_to) == "-":
                typer.echo(text)
            else:
                json_to.write_text(text + "\n", encoding="utf-8")
        if html_to is not None:
            text = page(result.summary, result.run.plan, result.rows, result.files)
            html_to.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(
            f"{error.filename} cannot be written: {error.strerror}",
            f"Everything is kept: beastmode evaluate --resume {result.run.id}",
        ) from error


def _show(result: Result) -> None:
    from beastmode.operations.evaluate.tables import (  # noqa: PLC0415 - as above
        about,
        differences_table,
        figures_table,
        kinds_table,
        verdicts,
    )

    summary = result.summary
    out().print(Text(about(summary), "bold"))
    if not summary.holes:
        return
    _print(figures_table(summary))
    _print(kinds_table(summary))
    if summary.differences:
        _print(differences_table(summary))
        out().print()
        for said in verdicts(summary):
            out().print(Text(said))


def _print(shown: Table) -> None:
    out().print()
    out().print(table(shown.columns, shown.rows))


def _limits(given: Sequence[str]) -> dict[str, float]:
    from beastmode.operations.evaluate.summary import MEASURES  # noqa: PLC0415 - as above

    limits = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            limits[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text} is not NAME=NUMBER, as exact=0.3") from None
        if name not in MEASURES:
            raise typer.BadParameter(f"There is no measure {name}; there are {', '.join(MEASURES)}")
    return limits


def _check(result: Result, limits: dict[str, float]) -> None:
    """Exit with 1 where the first variant is worse than was asked for; a measure without a value is."""
    from beastmode.operations.evaluate.summary import LOWER_IS_BETTER  # noqa: PLC0415 - as above

    first = result.summary.figures[0] if result.summary.figures else None
    for name, limit in limits.items():
        found = first.measures.get(name) if first else None
        value = None if found is None else found.value
        bad = value is None or (value > limit if name in LOWER_IS_BETTER else value < limit)
        if bad:
            complain(f"{name} is {'unknown' if value is None else f'{value:.3f}'}, and {limit:g} was asked for")
            raise typer.Exit(FAILED)
