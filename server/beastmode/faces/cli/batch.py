"""`beastmode run TASK --batch FILE.jsonl`: many orders with one progress bar and one report."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from decimal import Decimal
from time import time
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from beastmode.domain.usage import from_nano
from beastmode.faces.cli.chat import workspace_of
from beastmode.faces.cli.render import bar, complain, err, out, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.faces.cli.tasks_output import as_json, print_diff, print_json, visible
from beastmode.operations.batch import Batch, Done, read_batch
from beastmode.operations.status import dollars
from beastmode.tasks.edits import recover

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from beastmode.app import App
    from beastmode.faces.cli.tasks import How
    from beastmode.operations.batch import Result
    from beastmode.tasks.proposal import Order

MOST_ROWS = 100_000
"""Rows of the ledger that are looked at for what a batch has saved."""


def run_batch(path: Path, usual: Order, repo: Path | None, *, concurrency: int, how: How) -> None:
    """Carry out a batch and report it. Exits with 1 where an order failed."""

    async def work(app: App) -> bool:
        root = workspace_of(repo)
        app.workspace.work_in([str(root)])
        for notice in await recover(root, app.journals):
            complain(notice)
        entries, began = read_batch(path, usual, root), time()
        writes = how.writes or (how.asks and _is_allowed(len(entries)))
        done = Done(app.settings.paths.home / "batches", path)
        batch = Batch(app.work, root, app.journals, done, concurrency=concurrency, writes=writes)
        results: list[Result] = []
        with bar(f"{len(entries)} orders") as say:
            async with aclosing(batch.run(entries)) as coming:
                async for result in coming:
                    results.append(result)
                    say(f"{len(results)} of {len(entries)} orders", len(results) / max(len(entries), 1))
                    _show(result, as_lines=how.as_json, with_diff=not writes)
        await app.settle()  # or a fresh home does not know the price of the baseline
        baseline = await _baseline(app, results, began)
        _report(results, baseline, as_line=how.as_json)
        if not writes and any(result.state == "shown" for result in results):
            complain("Nothing was written", "Add --yes to write each change that has passed its checks")
        return not any(result.state == "failed" for result in results)

    if not run(work):
        raise typer.Exit(FAILED)


def _is_allowed(count: int) -> bool:
    return typer.confirm(f"Write the change of each of {count} orders once it has passed its checks?", err=True)


def _show(result: Result, *, as_lines: bool, with_diff: bool) -> None:
    proposal, error = result.proposal, result.error
    if as_lines:
        told: dict[str, object] = {"line": result.entry.line, "state": result.state}
        if error is not None:
            told |= {"error": error.message, "fix": error.fix, "kind": error.kind}
        print_json(told | (as_json(proposal) if proposal else {}))
    elif error is not None:
        complain(f"Line {result.entry.line}: {visible(error.message)}", error.fix)
    elif proposal is not None and proposal.change is None:
        typer.echo(proposal.text)
    elif proposal is not None and proposal.change is not None and with_diff:
        print_diff(proposal.change)


async def _baseline(app: App, results: Sequence[Result], began: float) -> Decimal | None:
    """What the answers that were of use would have cost on the baseline model; None where that is unknown."""
    used = {result.request_ids[-1] for result in results if result.request_ids and result.state != "failed"}
    rows = [row for row in await app.ledger.tail(MOST_ROWS, since=began) if row["request_id"] in used]
    costs = [row["baseline_cost_nano"] for row in rows if row["outcome"] == "ok"]
    return None if None in costs else sum(map(from_nano, costs), Decimal(0))


def _report(results: Sequence[Result], baseline: Decimal | None, *, as_line: bool) -> None:
    states = Counter(result.state for result in results)
    asked = [result for result in results if result.model]
    costs = [result.cost for result in asked]
    cost = None if None in costs else sum((each for each in costs if each is not None), Decimal(0))
    savings = None if cost is None or baseline is None else baseline - cost
    if as_line:
        print_json(
            {
                "orders": len(results),
                "done": sum(states[state] for state in ("written", "shown", "text")),
                "done_before": states["done before"],
                "failed": states["failed"],
                "cost": None if cost is None else f"{cost:f}",
                "baseline_cost": None if baseline is None else f"{baseline:f}",
                "savings": None if savings is None else f"{savings:f}",
            }
        )
        return
    console = err() if any(result.state == "shown" for result in results) else out()
    models = Counter(result.model for result in asked)
    rows = [(state, count) for state, count in states.items()]
    console.print(table(("result", "orders"), rows))
    told = f"{', '.join(f'{model} ({count})' for model, count in models.items())}; " if models else ""
    console.print(
        Text(f"{told}cost {dollars(cost) or 'unknown'}, savings {dollars(savings) or 'unknown'}"),
    )
