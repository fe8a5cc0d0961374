"""`beastmode report`, as a person, a script and cron see it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from tests.support.january import ZONE, fill
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build
from beastmode.store import Database

GOLDEN = Path(__file__).parents[1] / "operations" / "report" / "golden" / "january.txt"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    async def write() -> None:
        database = await Database.open(tmp_path / "home" / "beastmode.db")
        await fill(database)
        await database.close()

    asyncio.run(write())
    return tmp_path / "home"


def report(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), ("report", *arguments), input=stdin)


def test_the_golden_month_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line what it was, in the time zone of the machine."""
    monkeypatch.setenv("TZ", ZONE.key)
    time.tzset()
    try:
        said = report("--month", "2026-01")
    finally:
        monkeypatch.undo()
        time.tzset()
    shown = "".join(f"{line.rstrip()}\n" for line in said.stdout.splitlines())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_a_narrow_terminal_cuts_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns whole columns are left out, never part of a name or of an amount."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    said = report("--month", "2026-01")
    assert "…" not in said.stdout
    tables = [line for line in said.stdout.splitlines() if line.startswith(("custom:coder", "2026-01-20"))]
    assert len(tables) >= 4
    assert all(len(line.rstrip()) <= 80 for line in tables)
    assert "$0.1203" in tables[0]


def test_a_month_for_a_person() -> None:
    """Every figure that the specification names, by model, beside the month before."""
    said = report("--month", "2026-01")
    assert said.exit_code == 0, said.output
    for needed in ("Cost report, January 2026", "December 2025", "Requests", "Cost of your own models"):
        assert needed in said.stdout
    for needed in ("Cost of providers' models", "Savings in percent", "By model", "custom:coder", "By task", "Prices"):
        assert needed in said.stdout


@pytest.mark.parametrize(("suffix", "begins"), [("md", b"# Cost"), ("HTML", b"<!doctype"), ("pdf", b"%PDF-")])
def test_a_file_is_written_whole_and_never_over_another(suffix: str, begins: bytes, tmp_path: Path) -> None:
    """Its name says the format; what is there already stays, unless --force is given."""
    file = tmp_path / f"january.{suffix}"
    file.write_text("mine")
    refused = report("--month", "2026-01", "--output", str(file))
    assert (refused.exit_code, file.read_text()) == (1, "mine")
    assert "--force" in refused.stderr
    assert report("--month", "2026-01", "--output", str(file), "--force").exit_code == 0
    assert file.read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


def test_a_month_for_a_script() -> None:
    """One JSON object, and nothing but it; money is text."""
    told = json.loads(report("--from", "2026-01-01", "--to", "2026-01-31", "--json").stdout)
    assert (told["version"], told["is_over"], told["currency"], told["name"]) == (1, True, "USD", "January 2026")
    assert told["total"]["cost"].startswith("0.1")
    assert {part["name"] for part in told["models"]} >= {"custom:coder", "openai:gpt-4o"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--month", "2026-1"], "2026-1"),
        (["--format", "pdf"], "--output"),
        (["--output", "january.doc"], "january.doc"),
        (["--output", "/"], "/"),
        (["--output", "/no/such/folder/j.md"], "/no/such/folder"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(arguments: list[str], named: str) -> None:
    """With what was wrong, on standard error, and exit code 1."""
    said = report(*arguments)
    assert (said.exit_code, said.stdout) == (1, "")
    assert named in said.stderr


def test_a_bill_that_differs(tmp_path: Path) -> None:
    """What differs and why, exit code 1; within the rounding of the bill, 0."""
    bill = tmp_path / "cost.csv"
    bill.write_text("date,model,cost\n2026-01-02,gpt-4o,0.0036\n2026-01-03,gpt-4o-mini,4.00\n")
    said = report("--month", "2026-01", "--reconcile", str(bill))
    assert said.exit_code == 1, said.output
    assert "missing here" in said.stdout
    assert "missing there" in said.stdout
    told = json.loads(report("--reconcile", str(bill), "--json").stdout)
    assert (told["agrees"], told["causes"]["agrees"]["lines"], told["causes"]["missing here"]["dollars"]) == (
        False,
        1,
        "4.00",
    )
    bill.write_text("date,model,cost\n2026-01-02,gpt-4o,0.00\n")
    assert report("--reconcile", str(bill), "--format", "markdown").exit_code == 0


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b"date,model,cost\n2026-01-02,m,dear\n"])
def test_what_is_no_bill(content: bytes, tmp_path: Path) -> None:
    """Is named, with a fix."""
    bill = tmp_path / "cost.csv"
    bill.write_bytes(content)
    said = report("--reconcile", str(bill))
    assert (said.exit_code, said.stdout) == (1, "")
    assert "cost.csv" in said.stderr
    assert report("--reconcile", str(tmp_path / "none.csv")).exit_code == 1
