"""The dashboard in a real Chromium, on a month of traffic (dashboard.mjs says how).

The session runs once. Each promise is then a test of its own, and what each panel showed is compared with what plain
SQL says of the single rows, which shares nothing with the sums that the dashboard reads.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.e2e.places import OUT, ROOT, fresh

from beastmode.faces.http.dashboard import FOLDER
from beastmode.registry.sign_in_codes import SignInCodes
from beastmode.store import Database

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).parent / "dashboard.mjs"
PROMISES = re.findall(r"await promise\('([^']+)'", SCRIPT.read_text(encoding="utf-8"))
ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, slots=True)
class Session:
    """What one session in the browser left behind; `rows` are the single tries as they were before it."""

    out: Path
    results: dict[str, str]
    seen: dict[str, Any]
    rows: sqlite3.Connection
    since: float
    until: float
    secrets: tuple[str, ...]

    def sql(self, query: str, *given: object) -> Any:
        """One value, or one row, of the tries of the span."""
        row = self.rows.execute(
            query.format(span=f"started_at >= {self.since} AND started_at < {self.until} AND task <> 'probe'"), given
        ).fetchone()
        return row[0] if len(row) == 1 else tuple(row)


def line_of(process: subprocess.Popen[str]) -> str:
    """The first line that a program prints."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, f"{process.args} ended with {process.wait(10)}"
    return line


@contextmanager
def running(*command: str | Path, log: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program of ours, until the context is left."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()


async def code_in(database: Path) -> str:
    """A code that signs in once, made as the editor's language server makes it."""
    opened = await Database.open(database)
    try:
        return await SignInCodes(opened, time.time).make()
    finally:
        await opened.close()


@pytest.fixture(scope="module")
def session(editors: Path, node_modules: Path, node_environment: dict[str, str]) -> Iterator[Session]:
    out = fresh(OUT / "dashboard")
    home, key = out / "home", f"sk-e2e-{secrets.token_urlsafe(24)}"
    now = time.time()
    ours = {
        "PYTHONPATH": str(ROOT / "server"),
        "BEASTMODE_HOME": str(home),
        "BEASTMODE_BUILTIN__ENABLED": "false",
        "ENCRYPTION_KEY": "a passphrase of the tests",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    subprocess.run(
        [sys.executable, "-m", "tests.support.month", str(now)], env=os.environ | ours, cwd=ROOT, check=True, timeout=60
    )
    (database,) = home.rglob("beastmode.db")
    copy = sqlite3.connect(out / "rows.db")
    with closing(sqlite3.connect(database)) as original:
        original.backup(copy)
    # Made before the gateway starts, which then has none to show.
    token = subprocess.run(
        [sys.executable, "-m", "beastmode", "token", "--renew"],
        env=os.environ | ours,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.strip()
    serve = ("-m", "beastmode", "serve", "--port", "0", "--json")
    model = (ROOT / "tests/support/model_server.py", "--key", key, "--models", "live-coder")
    with (
        running(*model, log=out / "model.log") as model_server,
        running(*serve, log=out / "serve.log", **ours) as server,
    ):
        address = json.loads(line_of(server))["url"]
        environment = node_environment | {
            "EDITORS": str(editors),
            "OUT": str(out),
            "URL": address,
            "CODE": asyncio.run(code_in(database)),
            "TOKEN": token,
            "SERVER": str(server.pid),
            "MODEL": line_of(model_server),
            "KEY": key,
            "AXE": str(node_modules / "axe-core" / "axe.min.js"),
        }
        subprocess.run([editors / "bin" / "node", SCRIPT], env=environment, check=False, timeout=180)
    today = datetime.fromtimestamp(now, ZONE).date()

    def midnight(days: int) -> float:
        day = today + timedelta(days=days)
        return datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()

    read = {name: json.loads((out / f"{name}.json").read_text("utf-8")) for name in ("results", "seen")}
    yield Session(out, read["results"], read["seen"], copy, midnight(-29), midnight(1), (key, token, "sk-wrong"))
    copy.close()


@pytest.mark.parametrize("promise", PROMISES)
def test_the_dashboard_keeps(session: Session, promise: str) -> None:
    """What the name says happens in a real browser."""
    assert session.results.get(promise, "not reached: an earlier promise broke") == "kept"


def number(text: str) -> float:
    """`1,424` or `$2.43` or `98.1 %` as a number."""
    found = re.search(r"[\d,]+(?:\.\d+)?", text)
    assert found is not None, text
    return float(found[0].replace(",", ""))


def seconds(text: str) -> float:
    """`450 ms` or `3.37 s`."""
    return number(text) / (1000 if text.endswith("ms") else 1)


def is_dollars(text: str, nano: float) -> bool:
    """Whether a figure with its few digits is this amount."""
    digits = len(text.partition(".")[2].strip())
    return abs(number(text) - nano / 1e9) <= 0.51 * 10**-digits or abs(number(text) * 1e9 / nano - 1) < 0.05


def test_the_key_figures_are_those_of_the_rows(session: Session) -> None:
    """Requests, success, percentile, cost, savings and use, each from the single rows."""
    seen = session.seen
    ended = session.sql("SELECT COUNT(*) FROM attempts WHERE {span} AND outcome <> 'cancelled'")
    good = session.sql("SELECT COUNT(*) FROM attempts WHERE {span} AND outcome = 'ok'")
    assert number(seen["requests"]) == ended
    assert number(seen["success"]) == pytest.approx(good / ended * 100, abs=0.051)
    skipped = max(ceil(0.95 * good) - 1, 0)
    p95 = session.sql(
        "SELECT total_s FROM attempts WHERE {span} AND outcome = 'ok' ORDER BY total_s LIMIT 1 OFFSET ?", skipped
    )
    assert seconds(seen["latency"]) == pytest.approx(p95, rel=0.012)
    cost, counted = session.sql(
        "SELECT SUM(cost_nano), SUM(CASE WHEN estimated THEN cost_nano ELSE 0 END) FROM attempts WHERE {span}"
    )
    assert is_dollars(seen["cost"], cost)
    compared = session.sql(
        "SELECT SUM(baseline_cost_nano * (CASE WHEN task = 'inline' THEN COALESCE(used, 0) ELSE 1000 END) / 1000)"
        " FROM attempts WHERE {span} AND outcome = 'ok'"
    )
    assert is_dollars(seen["saved"], compared - cost - 0.75 * counted)
    shown, used = session.sql(
        "SELECT COUNT(*), SUM(outcome IN ('accepted', 'partial')) FROM feedback WHERE shown_at >= ? AND shown_at < ?",
        session.since,
        session.until,
    )
    assert number(seen["accepted"]) == pytest.approx(used / shown * 100, abs=0.051)


def days(session: Session, what: str) -> dict[str, tuple[Any, ...]]:
    """A query by local day, under the day's name in the tables."""
    rows: dict[str, tuple[Any, ...]] = {}
    first = datetime.fromtimestamp(session.since, ZONE).date()
    for step in range(30):
        day, after = first + timedelta(days=step), first + timedelta(days=step + 1)
        begins, ends = (datetime(d.year, d.month, d.day, tzinfo=ZONE).timestamp() for d in (day, after))
        rows[f"{day.day} {day:%b}".replace("Sep", "Sept")] = session.rows.execute(
            f"SELECT {what} FROM attempts WHERE started_at >= ? AND started_at < ? AND task <> 'probe'",  # noqa: S608 - the tests' own
            (begins, ends),
        ).fetchone()
    return rows


def test_requests_by_day_and_kind_are_those_of_the_rows(session: Session) -> None:
    """Each day of the table below the chart; days without any are left out."""
    expected = {
        day: [str(hired), str(own)]
        for day, (hired, own) in days(
            session,
            "COALESCE(SUM(model NOT LIKE 'custom:%' AND outcome <> 'cancelled'), 0),"
            " COALESCE(SUM(model LIKE 'custom:%' AND outcome <> 'cancelled'), 0)",
        ).items()
        if hired or own
    }
    assert {row[0]: row[1:] for row in session.seen["usageTable"]} == expected


def test_money_and_errors_by_day_are_those_of_the_rows(session: Session) -> None:
    """What was paid, what a request cost, and what share failed, each day."""
    seen = {name: {row[0]: row[1:] for row in session.seen[f"{name}Table"]} for name in ("savings", "costs", "errors")}
    money = days(session, "SUM(cost_nano), SUM(outcome <> 'cancelled'), SUM(outcome = 'failed')")
    looked_at = 0
    for day, (paid, requests, failed) in money.items():
        if not paid:
            continue
        looked_at += 1
        assert is_dollars(seen["savings"][day][1], paid), day
        assert is_dollars(seen["costs"][day][0], paid / requests), day
        if failed:
            assert number(seen["errors"][day][0]) == pytest.approx(failed / requests * 100, abs=0.051), day
    assert looked_at > 20


def test_response_times_by_day_are_those_of_the_rows(session: Session) -> None:
    """p99, p95 and p50 of each day's whole answers, within 1 %."""
    table = {row[0]: row[1:] for row in session.seen["latencyTable"]}
    first = datetime.fromtimestamp(session.since, ZONE)
    times: dict[str, list[float]] = {}
    for began, took in session.rows.execute("SELECT started_at, total_s FROM attempts WHERE outcome = 'ok'"):
        moment = datetime.fromtimestamp(began, ZONE)
        if moment >= first:
            times.setdefault(f"{moment.day} {moment:%b}".replace("Sep", "Sept"), []).append(took)
    assert table.keys() == times.keys()
    for day, took in times.items():
        took.sort()
        for text, share in zip(table[day], (0.99, 0.95, 0.5), strict=True):
            assert seconds(text) == pytest.approx(took[ceil(share * len(took)) - 1], rel=0.016), day


def test_each_model_is_told_as_the_rows_have_it(session: Session) -> None:
    """Requests, success and cost of each; why it was asked; how often its suggestions were used."""
    models = dict(
        session.rows.execute(
            "SELECT model, COUNT(*) FROM attempts WHERE started_at >= ? AND outcome <> 'cancelled' AND task <> 'probe'"
            " GROUP BY model",
            (session.since,),
        ).fetchall()
    )
    told = {next(model for model in models if model in row[0]): row for row in session.seen["modelsTable"]}
    assert told.keys() == models.keys()
    for model, row in told.items():
        assert number(row[2]) == models[model]
        good, cost = session.sql(
            "SELECT SUM(outcome = 'ok'), SUM(cost_nano) FROM attempts WHERE {span} AND model = ?", model
        )
        assert number(row[3]) == pytest.approx(good / models[model] * 100, abs=0.051)
        assert cost == number(row[5]) == 0 or is_dollars(row[5], cost)
    routed: Counter[tuple[str, str]] = Counter()
    for model, reason in session.rows.execute(
        "SELECT model, reason FROM attempts WHERE started_at >= ? AND task <> 'probe'", (session.since,)
    ):
        routed[model.removeprefix("custom:"), reason.partition(" (")[0]] += 1
    assert {(row[0], row[1]): number(row[2]) for row in session.seen["routingTable"]} == routed
    used = session.rows.execute(
        "SELECT model, 100.0 * SUM(outcome IN ('accepted', 'partial')) / COUNT(*), COUNT(*) FROM feedback"
        " WHERE shown_at >= ? GROUP BY model",
        (session.since,),
    ).fetchall()
    shown = {row[0]: (number(row[1]), number(row[3])) for row in session.seen["acceptanceTable"]}
    assert shown == {
        model.removeprefix("custom:"): (pytest.approx(rate, abs=0.051), count) for model, rate, count in used
    }


def test_errors_are_told_with_what_they_mean(session: Session) -> None:
    """How often each kind, and of the newest what to do."""
    kinds = session.rows.execute(
        "SELECT error_kind, COUNT(*) FROM attempts WHERE started_at >= ? AND error_kind IS NOT NULL GROUP BY 1",
        (session.since,),
    ).fetchall()
    assert {row[0].replace(" ", "_"): number(row[1]) for row in session.seen["kinds"]} == dict(kinds)
    assert all(row[2] for row in session.seen["kinds"])
    newest = session.sql(
        "SELECT error FROM attempts WHERE {span} AND error IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    )
    assert newest in session.seen["recent"][0]
    assert len(session.seen["recent"][0].splitlines()) > 2


def test_spend_stands_beside_its_cap(session: Session) -> None:
    """This month's, from the rows; the caps that the owner has set."""
    first = datetime.fromtimestamp(session.until - 1, ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    (spent,) = session.rows.execute(
        "SELECT SUM(cost_nano) FROM attempts WHERE started_at >= ?", (first.timestamp(),)
    ).fetchone()
    month, _, cap = session.seen["month"].partition(" of ")
    assert (cap, session.seen["today"].partition(" of ")[2]) == ("$3.00", "$0.05")
    assert is_dollars(month, spent)


def test_a_filter_is_one_models_rows(session: Session) -> None:
    """With one model chosen, its requests and no others."""
    one = session.sql(
        "SELECT COUNT(*) FROM attempts WHERE {span} AND model = 'custom:qwen-coder-7b' AND outcome <> 'cancelled'"
    )
    assert number(session.seen["oneRequests"]) == one


def test_no_secret_is_on_disk_in_the_clear(session: Session) -> None:
    """The key, a mistyped one, the token: not in the browser's profile, the database, a log; the token has its file."""
    files = [file for file in session.out.rglob("*") if file.is_file() and file.name != "gateway.token"]
    holding = [str(file) for file in files for secret in session.secrets if secret.encode() in file.read_bytes()]
    assert holding == []
    assert any(file.name == "beastmode.db" for file in files)


def test_the_committed_bundle_is_what_the_sources_build(node_modules: Path, node_environment: dict[str, str]) -> None:
    """Byte for byte, types checked; when it is not, run `npm run dashboard` and commit."""
    made = fresh(OUT / "dashboard-built")
    subprocess.run(["npx", "tsc", "--noEmit", "--project", "dashboard"], cwd=ROOT, env=node_environment, check=True)
    subprocess.run(["node", "dashboard/build.mjs", made], cwd=ROOT, env=node_environment, check=True)
    assert node_modules.is_dir()
    assert {file.name: file.read_bytes() for file in made.iterdir()} == {
        file.name: file.read_bytes() for file in FOLDER.iterdir()
    }
