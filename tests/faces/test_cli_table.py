"""The table of commands: complete, true, and light."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from beastmode.faces.cli.main import COMMANDS, build
from beastmode.faces.cli.render import prose
from beastmode.faces.cli.table import Command


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_in_the_list_what_it_says_of_itself(name: str) -> None:
    """The line of help in the table is the first of the command's own."""
    row = COMMANDS[name]
    help_ = row.load(name).help
    assert row.help.endswith(".")
    assert help_.splitlines()[0] == row.help if isinstance(row, Command) else help_ == row.help


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    """`--help` needs no database, no model and no network."""
    said = CliRunner().invoke(build(), [name, "--help"])
    assert said.exit_code == 0, said.output
    assert f"beastmode {name}" in said.output


def test_help_imports_no_command() -> None:
    """The list of all commands starts fast, however many there are."""
    script = "import sys; from beastmode.faces.cli.main import build; build()(['--help'], standalone_mode=False)"
    script += "; print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()
    assert {"beastmode.app", "sqlite3", "pydantic", "asyncio", "aiohttp"}.isdisjoint(loaded)
    assert "beastmode.faces.cli.models" not in loaded


def test_a_command_does_not_import_another_one() -> None:
    """What several share costs nothing: `ledger tail` does not wait for what registers and examines models."""
    script = "import sys; from beastmode.faces.cli import alerts, check, ledger, loadtest, monitor, show, workflow"
    script += "; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"beastmode.faces.cli.models", "beastmode.operations.doctor", "beastmode.app"}.isdisjoint(loaded)


def test_sentences_are_broken_between_words() -> None:
    """In a terminal; what a pipe gets stays one line."""
    said = "Savings are what the answers would have cost"
    written = {}
    for is_terminal in (True, False):
        file = StringIO()
        prose(Console(file=file, width=20, force_terminal=is_terminal), said)
        written[is_terminal] = [line.rstrip() for line in file.getvalue().splitlines()]
    assert written == {True: ["Savings are what the", "answers would have", "cost"], False: [said]}
