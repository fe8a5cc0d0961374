"""The table of commands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from beastmode import __version__
from beastmode.faces.cli import (
    allow,
    ask,
    chat,
    evaluate,
    index,
    keys,
    ledger,
    models,
    opportunities,
    route,
    show,
    tasks,
)
from beastmode.logs import log_to
from beastmode.settings import load


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beastmode {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """Every command, put together."""
    cli = typer.Typer(
        name="beastmode",
        help="Your editor's AI on your own models.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @cli.callback()
    def root(
        _version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        pass

    @cli.command()
    def lsp() -> None:
        """Run the language server over standard input and output; an editor starts it."""
        from beastmode.faces.lsp.main import main as serve  # noqa: PLC0415 - reached only with options before `lsp`

        serve()

    cli.add_typer(models.build(), name="models", help="Register, select, test and remove models.")
    cli.add_typer(route.build(), name="route", help="Which model answers what, and what steps in for it.")
    cli.add_typer(keys.build(), name="keys", help="The API keys, sealed on this machine.")
    cli.add_typer(chat.build_group(), name="chat", help="Ask about the workspace; sessions are kept.")
    cli.add_typer(index.build_group(), name="index", help="The search index of a workspace.")
    cli.add_typer(ledger.build(), name="ledger", help="Every request, as it was recorded.")
    cli.command()(show.status)
    cli.command()(show.doctor)
    cli.command()(ask.complete)
    cli.command("run")(tasks.run_task)
    cli.command()(allow.allow)
    cli.command()(evaluate.evaluate)
    cli.command()(opportunities.opportunities)
    return cli


def main() -> None:
    """Parse the arguments and run."""
    settings, _ = load(os.environ)
    log_to(settings.paths.log_file, settings.log_level)
    build()()
