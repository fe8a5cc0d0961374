"""`beastmode loadtest`: how much load an endpoint bears."""

from __future__ import annotations

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli.files import agreed, write_whole
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, err, out, prose, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.loadtest.as_html import as_html
from beastmode.operations.loadtest.load import Load
from beastmode.operations.loadtest.result import compare, result_of
from beastmode.operations.loadtest.tables import changes, headline, latencies, notes, rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.app import App
    from beastmode.operations.loadtest.load import Expense
    from beastmode.operations.loadtest.result import Change, Result


def loadtest(  # noqa: PLR0917 - one option a question
    model_id: Annotated[str, typer.Option("--model-id", help="As `beastmode models list` shows it.")],
    requests: Annotated[int, typer.Option("--requests", min=1, help="In each step.")] = 100,
    concurrency: Annotated[
        str, typer.Option("--concurrency", help="Callers at once; several steps as 1,2,4,8 find where it saturates.")
    ] = "10",
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.01, max=10_000, help="Instead: requests a second, answered or not.")
    ] = None,
    duration: Annotated[float, typer.Option("--duration", min=0.1, help="Seconds at that rate.")] = 10.0,
    prompt_tokens: Annotated[int, typer.Option("--prompt-tokens", min=1, max=100_000, help="About.")] = 200,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, max=100_000, help="Of an answer.")] = 64,
    warm_up: Annotated[int, typer.Option("--warm-up", min=0, help="Requests before, which do not count.")] = 1,
    max_cost: Annotated[str, typer.Option("--max-cost", help="Dollars that it may cost at a paid model.")] = "",
    old: Annotated[
        Path | None, typer.Option("--compare", help="The JSON of an earlier test, to say what is different.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write JSON there.")] = None,
    html_to: Annotated[Path | None, typer.Option("--html", help="Write a page with plots there.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace these files if they are there already.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to load a machine other than this one.")] = False,
    as_json: Json = False,
) -> None:
    """How much load a model's endpoint bears: latencies, throughput, errors.

    Nothing is tried twice and no other model steps in; every request is in the ledger, as a test. Exits with 1 if no
    request was answered.

    Example: beastmode loadtest --model-id my-code-model --concurrency 1,2,4,8 --html load.html

    Example: beastmode loadtest --model-id my-code-model --rate 5 --duration 60 --compare last-week.json
    """
    load = Load(requests, _steps(concurrency), rate, duration, prompt_tokens, max_tokens, warm_up)
    load.check()
    allowed = _dollars(max_cost)
    before = None if old is None else _read(old)
    may_replace = {path: agreed(path, force=force) for path in (output, html_to) if path is not None}

    async def work(app: App) -> None:
        spends = await app.models.load_expense(model_id, load)
        sure = yes or spends.is_local or _asked(model_id, spends)
        with bar(f"Testing {model_id}") as say:
            result = await app.models.load_test(model_id, load, say, max_cost=allowed, yes=sure)
        beside = compare(before, result) if before is not None and result.answered else []
        told = json.dumps(result.as_json(), indent=2)
        if output is not None:
            write_whole(output, f"{told}\n".encode(), replace=may_replace[output])
        if html_to is not None:
            write_whole(html_to, as_html(result, beside).encode(), replace=may_replace[html_to])
        if as_json:
            typer.echo(told)
        else:
            _show(result, beside)
        if not result.answered:
            raise typer.Exit(FAILED)

    run(work)


def _asked(model_id: str, spends: Expense) -> bool:
    """Ask a person; a script has to say --yes."""
    if not sys.stdin.isatty():
        return False
    costs = f", which can cost ${spends.most:.2f}" if spends.most else ""
    question = f"{model_id} is not on this machine. Send it {spends.requests:,} requests{costs}?"
    return typer.confirm(question, abort=True, err=True)


def _steps(text: str) -> tuple[int, ...]:
    try:
        steps = tuple(int(each) for each in text.split(","))
    except ValueError:
        steps = ()
    if not steps or min(steps) < 1 or list(steps) != sorted(set(steps)):
        raise UserError(
            f"--concurrency {text} is no number of callers", "Write one as 10, or ascending ones as 1,2,4,8"
        )
    return steps


def _dollars(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UserError(f"--max-cost {text} is no amount of dollars", "Write it as 0.50")
    return amount


def _read(path: Path) -> Result:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{path} is not JSON", "Name a file that --output has written") from None
    return result_of(told, str(path))


def _show(result: Result, beside: Sequence[Change]) -> None:
    for said in headline(result):
        prose(out(), said, "bold")
    for shown in (rates(result), latencies(result), *((changes(beside),) if beside else ())):
        out().print()
        out().print(table(shown.columns, shown.rows))
    for note in notes(result):
        prose(err(), note, "dim")
