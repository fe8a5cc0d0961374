"""`beastmode status` and `doctor`: look at what is. And `lsp`, which an editor starts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from beastmode.faces.cli.render import checks
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.doctor import examine
from beastmode.operations.status import lines

if TYPE_CHECKING:
    from beastmode.app import App


def lsp() -> None:
    """Run the language server over standard input and output; an editor starts it."""
    from beastmode.faces.lsp.main import main as serve  # noqa: PLC0415 - reached only with options before `lsp`

    serve()


def status() -> None:
    """The selected model, its health, and today's figures."""

    async def work(app: App) -> None:
        await app.settle()
        for line in lines(await app.status()):
            typer.echo(line)

    run(work)


def doctor() -> None:
    """Check the installation, with a fix for what is wrong.

    Exits with 1 if something is.
    """

    async def work(app: App) -> None:
        found = examine(
            app.settings, key_source=app.vault.source, fetched=app.embedded.fetched, version=sys.version_info[:3]
        )
        checks(found)
        if not all(check.ok for check in found):
            raise typer.Exit(FAILED)

    run(work)
