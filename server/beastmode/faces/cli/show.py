"""`beastmode status`, `doctor` and `ledger …`: look at what is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.models import Json
from beastmode.faces.cli.render import attempts, checks, out
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.doctor import examine
from beastmode.operations.status import lines

if TYPE_CHECKING:
    from beastmode.app import App


def status() -> None:
    """The selected model, its health, and today's figures."""

    async def work(app: App) -> None:
        for line in lines(await app.status()):
            typer.echo(line)

    run(work)


def doctor() -> None:
    """Check the installation, with a fix for what is wrong. Exits with 1 if something is."""

    async def work(app: App) -> None:
        found = examine(
            app.settings, key_source=app.vault.source, fetched=app.embedded.fetched, version=sys.version_info[:3]
        )
        checks(found)
        if not all(check.ok for check in found):
            raise typer.Exit(FAILED)

    run(work)


def ledger() -> typer.Typer:
    """The commands of the group `ledger`."""
    group = typer.Typer(no_args_is_help=True)
    group.command("tail")(tail)
    return group


def tail(
    count: Annotated[int, typer.Option("--count", "-n", min=1)] = 20,
    since: Annotated[float, typer.Option("--since", help="Unix time of the oldest row.")] = 0.0,
    as_json: Json = False,
) -> None:
    """The newest requests, one row for every try."""

    async def work(app: App) -> None:
        rows = [dict(row) for row in await app.ledger.tail(count, since)]
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
        else:
            out().print(attempts(rows))

    run(work)
