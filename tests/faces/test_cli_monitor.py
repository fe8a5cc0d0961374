"""`beastmode monitor`, as a person, a script and a terminal see it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from time import time

import pytest
from rich.console import Console
from tests.support.attempts import ROW
from tests.support.terminal import Terminal
from typer.testing import CliRunner, Result

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.faces.cli.main import build
from beastmode.faces.cli.monitor_screen import screen, sparkline
from beastmode.ledger.ledger import Ledger
from beastmode.store import Database

TOKEN = "bm-a-token-of-the-gateway"
FAILED = replace(ROW, task=Task.CHAT, outcome=Outcome.FAILED, error_kind="unreachable", error="127.0.0.1:1 refused")


def put(home: Path, *tries: tuple[str, bool]) -> None:
    """Write tries of a minute ago, by id and whether they succeeded."""

    async def work() -> None:
        database = await Database.open(home / "beastmode.db")
        for number, good in tries:
            row = replace(ROW, task=Task.CHAT) if good else FAILED
            await Ledger(database).observe(replace(row, id=number, started_at=time() - 60))
        await database.close()

    asyncio.run(work())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three answers and a failure."""
    home = tmp_path / "home"
    monkeypatch.setenv("BEASTMODE_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    put(home, ("1", True), ("2", True), ("3", True), ("4", False))
    return home


def monitor(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ("monitor", *arguments))


def test_once_for_a_person(home: Path) -> None:
    """Health with its reason, the figures, each model, and what to do about each recent error."""
    said = monitor()
    assert said.exit_code == 0, said.output
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert lines[0].startswith("Health: unhealthy, ")
    assert "1 of 4 requests failed" in lines
    assert any(line.startswith("Requests 4 ") for line in lines)
    assert any(line.startswith("Success rate 75.00%") for line in lines)
    assert any(line.startswith("custom:m 4 75.00%") for line in lines)
    assert lines[-3].endswith("custom:m: Nothing answers at the endpoint")
    assert lines[-2:] == ["127.0.0.1:1 refused", "Start the model server, or correct the endpoint URL and the network"]
    assert "\x1b" not in said.stdout


def test_for_a_script(home: Path) -> None:
    """The specification's object, and what stands beside it; --since bounds the time."""
    told = json.loads(monitor("--json").stdout)
    assert told["metrics"]["requests"]["byModel"] == {"custom:m": 4}
    assert told["recentErrors"][0]["kind"] == "unreachable"
    assert json.loads(monitor("--json", "--since", "30s").stdout)["metrics"]["requests"]["total"] == 0


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (["--since", "soon"], "soon"),
        (["--since", "2999-01-01"], "still to come"),
        (["--url", "http://127.0.0.1:1"], "BEASTMODE_TOKEN"),
        (["--url", "x", "--token-file", __file__], "http://"),
    ],
)
def test_what_cannot_be_is_said_with_its_fix(home: Path, wrong: list[str], word: str) -> None:
    """And exits with 1."""
    said = monitor(*wrong)
    assert said.exit_code == 1
    assert word in said.stderr
    assert not said.stdout


class Gateway(BaseHTTPRequestHandler):
    """Answers like one, to whoever has the token."""

    answer: bytes = b"{}"

    def do_GET(self) -> None:
        good = self.headers["authorization"] == f"Bearer {TOKEN}" and "details=true&since=7d" in self.path
        self.send_response(200 if good else 401)
        self.end_headers()
        self.wfile.write(self.answer if good else b'{"detail": "wrong token"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_a_gateway(home: Path, gateway: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What its ledger says; the token comes from a file or the environment, and a wrong one is called wrong."""
    Gateway.answer = monitor("--json").stdout_bytes
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    told = monitor("--url", gateway, "--since", "7d", "--token-file", str(file), "--json")
    assert json.loads(told.stdout)["metrics"]["requests"]["total"] == 4
    monkeypatch.setenv("BEASTMODE_TOKEN", TOKEN)
    assert "Success rate" in monitor("--url", gateway, "--since", "7d").stdout
    monkeypatch.setenv("BEASTMODE_TOKEN", "another")
    said = monitor("--url", gateway, "--since", "7d")
    assert said.exit_code == 1
    assert "`beastmode token`" in said.stderr
    assert "another" not in said.stderr


def test_a_gateway_that_does_not_run_is_to_be_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no model server."""
    monkeypatch.setenv("BEASTMODE_TOKEN", TOKEN)
    said = monitor("--url", "http://127.0.0.1:9")
    assert said.exit_code == 1
    assert "beastmode serve" in said.stderr


def test_a_gateway_may_say_anything() -> None:
    """Nothing that it sends breaks the screen, moves the cursor or is taken for markup."""
    hostile = {
        "health": {"status": "\x1b[31mhealthy", "issues": ["[red]no[/red] markup\x07", 3, None]},
        "metrics": {"requests": [], "performance": {"p50Latency": {}}, "costs": None},
        "models": ["x", {"id": "a" * 5000}],
        "recentErrors": [{"lastAt": "now", "times": "many", "message": ["x"]}, {"lastAt": 1e300}],
        "edges": [None, "soon"],
        "series": {"requests": [1, "2", None, -3, float("inf")], "p50Ms": 7},
    }
    written = StringIO()
    Console(width=80, file=written).print(screen(hostile, "[bold]gone"))
    text = written.getvalue()
    assert "[red]no[/red] markup" in text
    assert not set(text) & {"\x1b", "\x07"}


def test_a_sparkline_is_to_scale() -> None:
    """From zero to the largest; a gap where there is nothing."""
    assert sparkline([0, 1, 2, 4, 8, None]) == "▁▂▃▅█ "
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_screen_cuts_no_figure(width: int) -> None:
    """Whole columns are left out instead; the models' names and how they do now always stay."""
    model = {"id": "custom:my-code-model", "requests": 199, "successRate": "94.97%", "p50Latency": "546.01ms"}
    model |= {"p95Latency": "1924.99ms", "cost": "$0.4084", "savings": "$13.83", "status": "degraded"}
    written = StringIO()
    Console(width=width, file=written).print(screen({"models": [model]}, width=width))
    lines = written.getvalue().splitlines()
    head, row = next((line, lines[at + 1]) for at, line in enumerate(lines) if line.startswith("model"))
    assert "…" not in head + row
    assert row.split()[0] == "custom:my-code-model"
    assert row.split()[-1] == "degraded"
    assert len(row.split()) == len(head.split())


@pytest.mark.e2e
def test_live_in_a_terminal(home: Path) -> None:
    """The screen follows the ledger while another process writes it, and Ctrl-C gives the terminal back."""
    environment = {"BEASTMODE_HOME": str(home), "NO_COLOR": "1"}
    with Terminal("monitor", "--watch", "--interval", "0.2", environment=environment) as terminal:
        before = terminal.wait_until(lambda lines: any("Recent errors" in line for line in lines))
        shown = [" ".join(line.split()) for line in before]
        assert any(line.startswith("Requests 4 ") for line in shown)
        put(home, *((f"later-{number}", True) for number in range(36)))
        after = terminal.wait_until(lambda lines: any("97.50%" in line for line in lines))
        shown = [" ".join(line.split()) for line in after]
        assert shown[0].startswith("Health: healthy")
        assert any(line.startswith("Requests 40 ") and line.endswith("█") for line in shown)
        assert terminal.interrupt() == 130
        # Back on the screen that was there before, with the cursor.
        assert terminal.written.index(b"\x1b[?1049h") < terminal.written.index(b"\x1b[?1049l")
        assert terminal.written.rindex(b"\x1b[?25h") > terminal.written.rindex(b"\x1b[?25l")
