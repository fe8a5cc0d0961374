"""The table of commands. The file of a command is imported when that command is run, and not before."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from beastmode import __version__
from beastmode.faces.cli.ending import Code
from beastmode.faces.cli.table import Command, Group, Table
from beastmode.logs import log_to
from beastmode.settings import load

COMMANDS: dict[str, Command | Group] = {
    "lsp": Command("show:lsp", "Run the language server over standard input and output; an editor starts it."),
    "models": Group("models:build", "Register, select, test and remove models."),
    "route": Group("route:build", "Which model answers what, and what steps in for it."),
    "keys": Group("keys:build", "The API keys, sealed on this machine."),
    "chat": Group("chat:build_group", "Ask about the workspace; sessions are kept."),
    "index": Group("index:build_group", "The search index of a workspace."),
    "ledger": Group("ledger:build", "Every request, as it was recorded."),
    "loadtest": Command("loadtest:loadtest", "How much load a model's endpoint bears: latencies, throughput, errors."),
    "workflow-test": Command(
        "workflow:workflow_test",
        "Try registration, listing, generation, performance and cost tracking, and leave nothing behind.",
    ),
    "report": Command(
        "report:report", "What a month cost and saved: by model, task, user and day, beside the month before."
    ),
    "monitor": Command("monitor:monitor", "How the models do, once or live, with recent errors and what to do."),
    "check": Command("check:check", "Say whether all is well, for cron: 0 healthy, 1 ill, 2 could not tell."),
    "alerts": Group("alerts:build", "What is watched, who is told, and what was told."),
    "status": Command("show:status", "The selected model, its health, and today's figures."),
    "db": Group("db:build", "Which database there is, and the move of a file to a team's PostgreSQL."),
    "backup": Command(
        "backup:backup", "Write models, sealed keys, ledger and chats to one file, while editors go on using them."
    ),
    "restore": Command(
        "backup:restore",
        "Put a backup in the place of the database; what was there is kept under a dated name.",
    ),
    "doctor": Command("show:doctor", "Check the installation, with a fix for what is wrong."),
    "complete": Command("ask:complete", "Fill a hole in code and print what the model wrote, unfiltered."),
    "run": Command(
        "tasks:run_task", "Build a feature, refactor, write tests, document, fix or explain; you say yes or no to it."
    ),
    "allow": Command("allow:allow", "Say whether this workspace's tests may be run, in a copy, to check changes."),
    "evaluate": Command(
        "evaluate:evaluate", "Let models fill holes cut in your code, through the real engine, and compare."
    ),
    "opportunities": Command("opportunities:opportunities", "Find where the code could be better; no model is asked."),
    "serve": Command("serve:serve", "Open the models to every tool on this machine, over HTTP."),
    "users": Group("users:build", "Who else may use the gateway, which models, for how much."),
    "token": Command("serve:token", "Show the owner's token of the gateway, or make a new one."),
}
"""Name -> `module:function` in this folder, and a line of help."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beastmode {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """Every command, put together."""

    class Commands(Table):
        rows = COMMANDS

    cli = typer.Typer(
        name="beastmode",
        cls=Commands,
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

    return cli


def main() -> None:
    """Parse the arguments and run."""
    try:
        settings, _ = load(os.environ)
        log_to(settings.paths.log_file, settings.log_level)
        build()()
    except KeyboardInterrupt:  # before any command had begun
        sys.exit(Code.INTERRUPTED)
