"""`beastmode allow`: whether a workspace's own tests may be run to check what a model changed."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.chat import workspace_of
from beastmode.faces.cli.render import err
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from beastmode.app import App

WORDS = {True: "are run", False: "are not run", None: "are not run: you were not asked yet"}


def allow(
    repo: Annotated[
        Path | None, typer.Option("--repo", "-C", help="The workspace; otherwise the repository around this folder.")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Allow it without a question.")] = False,
    no: Annotated[bool, typer.Option("--no", help="Take it back.")] = False,
) -> None:
    """Say whether this workspace's tests may be run, in a copy, to check changes.

    Shows first what is isolated on this machine and what is not.

    Example: beastmode allow --repo ../shop
    """
    if yes and no:
        raise typer.BadParameter("--yes and --no together say nothing", param_hint="--yes")
    run(lambda app: _decide(app, workspace_of(repo), answer=True if yes else False if no else None))


async def _decide(app: App, root: Path, *, answer: bool | None) -> None:
    from beastmode.tasks.verify import Kind, Sandbox  # noqa: PLC0415 - only where it is asked about

    consent = app.consent
    if answer is None:
        isolation = await Sandbox().describe()
        typer.echo(f"The tests of {root} {WORDS[await consent.answer(root, Kind.TESTS)]}.")
        typer.echo("They would run in a throw-away copy, with a time limit, a memory limit and none of your secrets.")
        for sentence in isolation.isolated:
            typer.echo(f"  isolated: {sentence}")
        for sentence in isolation.not_isolated:
            typer.echo(f"  NOT isolated: {sentence}")
        answer = typer.confirm("Run them to check what a model changed?", default=False, err=True)
    await consent.decide(root, Kind.TESTS, answer)
    err().print(f"The tests of {root} {WORDS[answer]}")
