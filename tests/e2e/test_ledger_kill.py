"""The ledger under kill -9: what was acknowledged is there, whole, and summed up."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.attempts import sums_of_rollups, sums_of_rows
from tests.support.ledger_load import attempt_of

from beastmode.ledger.rows import row_of
from beastmode.store import Database

ROOT = Path(__file__).parents[2]
KILLS = 100

pytestmark = pytest.mark.e2e


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")
async def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """Four processes write to one file and die at random moments: every acknowledged try is there, whole, summed up."""
    database, acknowledged = tmp_path / "l.db", tmp_path / "acknowledged"
    command = [sys.executable, "-m", "tests.support.ledger_load", str(database), str(acknowledged), str(KILLS), "7"]
    environment = {"PYTHONPATH": f"{ROOT / 'server'}:{ROOT}", "PATH": ""}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=120)  # noqa: ASYNC221 - nothing else runs
    opened = await Database.open(database)
    assert opened.notices == ()
    await opened.close()
    names = acknowledged.read_text().split()
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = {row["id"]: row for row in connection.execute("SELECT * FROM attempts")}
        assert set(names) <= set(rows)
        assert len(names) == len(set(names)) > KILLS
        for name, row in rows.items():
            expected = row_of(attempt_of(name), None)
            assert {column: row[column] for column in expected} == expected
        assert sums_of_rollups(connection) == sums_of_rows(connection)
