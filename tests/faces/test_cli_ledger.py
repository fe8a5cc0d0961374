"""`beastmode ledger`, as a script and a person see it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.support.attempts import ROW, SHOWN
from typer.testing import CliRunner, Result

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.faces.cli.main import build
from beastmode.ledger.days import day_of, start_of
from beastmode.ledger.feedback import Fate, FeedbackLog
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.tally import Tally
from beastmode.store import Database

if TYPE_CHECKING:
    from pathlib import Path

NOON = start_of(day_of(1_790_000_000.0)) + 43_200
DAY = day_of(NOON).isoformat()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two days with a try each by two models, and one that was broken off."""
    home = tmp_path / "home"
    monkeypatch.setenv("BEASTMODE_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    async def fill() -> None:
        database = await Database.open(home / "beastmode.db")
        ledger = Ledger(database)
        asked = replace(ROW, task=Task.CHAT)
        await ledger.observe(replace(asked, id="1", started_at=NOON))
        await ledger.observe(replace(asked, id="2", started_at=NOON, model="custom:other", estimated=True))
        await ledger.observe(replace(ROW, id="3", started_at=NOON + 86_400))
        await ledger.observe(replace(ROW, id="4", started_at=NOON + 86_401, outcome=Outcome.CANCELLED, cost=Decimal(0)))
        log, tally = FeedbackLog(database), Tally(database, lambda: NOON)
        log.put(replace(SHOWN, shown_at=NOON, fate=Fate.ACCEPTED, used_chars=20, used_at=NOON, kept_5min=750))
        log.put(replace(SHOWN, id="2", shown_at=NOON, language="go", fate=Fate.IGNORED))
        tally.silent("filter: scope", "custom:m", "python", explicit=False)
        tally.cached(hit=True, model="custom:m", language="python", explicit=False)
        await log.aclose()
        await tally.aclose()
        await database.close()

    asyncio.run(fill())
    return home


def ledger(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ("ledger", *arguments))


def test_the_sum_of_a_day_by_model() -> None:
    """A table for a person; savings on estimated tokens are a range, and the total is there."""
    said = ledger("sum", "--since", DAY, "--until", DAY)
    assert said.exit_code == 0, said.output
    lines = {line.split()[0]: line for line in said.stdout.splitlines()}
    assert list(lines) == ["model", "custom:m", "custom:other", "total"]
    assert "$0.0350" in lines["custom:m"]
    assert " to " in lines["custom:other"]


def test_sums_for_a_script() -> None:
    """By local day, money as decimal text."""
    told = json.loads(ledger("sum", "--by", "day", "--json").stdout)
    assert {day: part["requests"] for day, part in told["day"].items()} == {
        DAY: 2,
        day_of(NOON + 86_400).isoformat(): 1,
    }
    assert (told["total"]["requests"], told["total"]["cancelled"], told["total"]["cost"]) == (3, 1, "0.003")
    assert told["total"]["savings"] is None
    assert Decimal(told["total"]["savings_low"]) < Decimal(told["total"]["savings_high"])


def test_acceptance_by_what_is_asked_for() -> None:
    """A table for a person, shares for a script."""
    said = ledger("acceptance", "--by", "language", "--since", DAY, "--until", DAY)
    assert said.exit_code == 0, said.output
    lines = {line.split()[0]: line.split() for line in said.stdout.splitlines()}
    assert lines["python"] == ["python", "1", "100.00%", "1", "0", "0", "0", "0", "-", "75.00%"]
    assert lines["total"][:3] == ["total", "2", "50.00%"]
    told = json.loads(ledger("acceptance", "--json").stdout)
    assert (told["model"]["custom:m"]["rate"], told["total"]["kept_5min"]) == (0.5, 0.75)


def test_silence_and_memory() -> None:
    """Every reason by name, and the share of memory."""
    said = ledger("silence")
    assert [line.split() for line in said.stdout.splitlines()][1] == ["filter:", "scope", "1"]
    told = json.loads(ledger("silence", "--json").stdout)
    assert told == {"reasons": {"filter: scope": 1}, "hits": 1, "misses": 0, "hit_rate": 1.0}


def test_an_export_never_overwrites(tmp_path: Path) -> None:
    """The format follows the file's name; a second export to the same file is refused."""
    file = tmp_path / "tries.csv"
    said = ledger("export", "--output", str(file), "--since", DAY, "--until", DAY)
    assert (said.exit_code, said.stdout.splitlines()[-1].split()[0]) == (0, "2")
    before = file.read_bytes()
    assert before.count(b"\r\n") == 3
    again = ledger("export", "--output", str(file))
    assert again.exit_code == 1
    assert file.read_bytes() == before


def test_an_export_to_standard_output() -> None:
    """Can be piped: nothing but the rows."""
    said = ledger("export", "--format", "json", "--since", str(NOON + 1))
    assert [json.loads(line)["id"] for line in said.stdout.splitlines()] == ["3", "4"]


@pytest.mark.parametrize(
    "wrong",
    [["export", "--format", "xml"], ["export", "-f", "parquet"], ["sum", "--since", "soon"], ["tail", "--month", "x"]],
)
def test_a_wrong_option_is_named_with_its_fix(wrong: list[str]) -> None:
    """And nothing else is done."""
    said = ledger(*wrong)
    assert said.exit_code == 1
    assert wrong[-1] in said.stderr.lower()
    assert not said.stdout
