"""`beastmode run TASK`: a task that changes code, its result shown as a diff and written when the user says yes."""

from __future__ import annotations

import sys
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.chat import attached, workspace_of
from beastmode.faces.cli.render import complain, err
from beastmode.faces.cli.run import FAILED, run
from beastmode.faces.cli.tasks_output import Quiet, Shown, as_json, print_diff, print_json, tell
from beastmode.tasks.edits import Change, recover, write
from beastmode.tasks.proposal import Failed, Order, Proposed
from beastmode.tasks.recipes import recipe, recipes

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.tasks.chat import Attachment
    from beastmode.tasks.proposal import Proposal

MOST_EACH = 100
"""Files that are asked about one by one."""


def run_task(
    task: Annotated[str, typer.Argument(help="feature, refactor, tests, document, fix or explain.")],
    instruction: Annotated[str, typer.Argument(help="What you want; - reads it from standard input.")] = "",
    *,
    file: Annotated[
        list[str] | None, typer.Option("--file", "-f", metavar="PATH[:A-B]", help="What it is about: a file, or lines.")
    ] = None,
    repo: Annotated[
        Path | None, typer.Option("--repo", "-C", help="The workspace; otherwise the repository around this folder.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="An id; otherwise the selected model answers.")] = None,
    local_only: Annotated[bool, typer.Option("--local-only", help="Nothing may leave this machine.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change and write nothing.")] = False,
    json_wanted: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", metavar="FILE.jsonl", help="Many orders, one JSON object a line.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64, help="Of a batch: at once.")] = 4,
) -> None:
    """Build a feature, refactor, write tests, document, fix or explain; you say yes or no to it.

    Nothing is written before you say yes, and then all of it or nothing. Where nobody can be asked, the change is only
    printed; --yes writes it.

    Example: beastmode run refactor "split into smaller functions" --file src/orders.py:10-80
    """
    if task not in recipes():
        raise typer.BadParameter(f"{task} is none of {', '.join(recipes())}", param_hint="TASK")
    how = How(yes and not dry_run, json_wanted, is_asked() and not (json_wanted or dry_run or yes))
    if batch is not None:
        from beastmode.faces.cli.batch import run_batch  # noqa: PLC0415 - only where there is one

        order = Order(task, instruction, model=model, local_only=local_only)
        run_batch(batch, order, repo, concurrency=concurrency, how=how)
        return
    words = sys.stdin.read() if instruction == "-" else instruction

    async def work(app: App) -> bool:
        root = workspace_of(repo)
        files = tuple(_attached(each, root, is_given=repo is not None) for each in file or ())
        app.workspace.work_in([str(root)])
        return await _carry_out(app, Order(task, words, files, model=model, local_only=local_only), root, how)

    if not run(work):
        raise typer.Exit(FAILED)


def is_asked() -> bool:
    """Whether a person sits at this terminal."""
    return sys.stdin.isatty()


@dataclass(frozen=True, slots=True)
class How:
    """What is done with a result: written without a question, printed as JSON, asked about; else only printed."""

    writes: bool
    as_json: bool
    asks: bool


async def _carry_out(app: App, order: Order, root: Path, how: How) -> bool:
    """One order from the question to the disk; whether there was a result."""
    if recipe(order.task).edits:
        for notice in await recover(root, app.journals):
            complain(notice)
    proposal = await _proposal(app, order, root, json_wanted=how.as_json)
    if proposal is None:
        return False
    change = _shown(proposal, how)
    is_wanted = change is not None and (how.writes or how.asks)
    if change is not None and is_wanted:
        await write(change, root, app.journals)
    if how.as_json:
        print_json(as_json(proposal) | {"written": is_wanted})
    elif is_wanted and change is not None:
        err().print(f"Wrote {change.edits[0].path if len(change.edits) == 1 else f'{len(change.edits)} files'}")
    elif proposal.change is not None:
        err().print("Nothing was written", style="dim")
    return True


async def _proposal(app: App, order: Order, root: Path, *, json_wanted: bool) -> Proposal | None:
    """The result of a task; None after its error was printed."""
    shown = Quiet() if json_wanted or not err().is_terminal else Shown(recipe(order.task).title)
    with shown:
        async with aclosing(app.work.run(order, root)) as events:
            async for event in events:
                shown.show(event)
                match event:
                    case Proposed():
                        return event.proposal
                    case Failed():
                        failed = event
                    case _:
                        pass
    if json_wanted:
        print_json({"error": failed.error.message, "fix": failed.error.fix, "kind": failed.error.kind})
    complain(failed.error.message, failed.error.fix)
    return None


def _shown(proposal: Proposal, how: How) -> Change | None:
    """Show the result; the part of the change that the user wants, None where there is none."""
    if not how.as_json:
        if proposal.change is None:
            typer.echo(proposal.text)
        else:
            print_diff(proposal.change)
        tell(proposal)
    if proposal.change is None or not how.asks:
        return proposal.change
    return asked(proposal.change)


def asked(change: Change) -> Change | None:
    """The part of a change that the user says yes to."""
    several = len(change.edits) > 1
    choices = "yes, no, each file" if several else "yes, no"
    answer = typer.prompt(f"Write this? ({choices})", default="no", err=True).strip().lower()
    if answer in ("y", "yes"):
        return change
    if several and answer in ("e", "each", "each file"):
        wanted = tuple(each for each in change.edits[:MOST_EACH] if _wants(each.path))
        return replace(change, edits=wanted) if wanted else None
    return None


def _wants(path: str) -> bool:
    return typer.confirm(f"  {path}?", default=False, err=True)


def _attached(written: str, root: Path, *, is_given: bool) -> Attachment:
    """A file as seen from the current folder; with --repo from that one, where there is such a file."""
    found = attached(written)
    below = attached(str(root / written)) if is_given else found
    return below if is_given and not Path(found.path).exists() else found
