"""`beastmode check` and `beastmode alerts`, as cron and a person see them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from tests.support.attempts import ROW
from tests.support.model_server import ModelServer
from tests.support.targets import Webhook
from tests.support.terminal import Terminal
from typer.testing import CliRunner, Result

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.faces.cli.main import build
from beastmode.ledger.ledger import Ledger
from beastmode.store import Database


def beastmode(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=typed)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("BEASTMODE_HOME", str(home))
    monkeypatch.setenv("BEASTMODE_BUILTIN__ENABLED", "false")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


class Served:
    """A model server that can be stopped and started again at the same port."""

    def __init__(self) -> None:
        self.url = ""
        self._stop = threading.Event()
        self._thread = threading.Thread()

    def start(self, port: int = 0) -> None:
        ready, self._stop = threading.Event(), threading.Event()

        async def serve() -> None:
            async with ModelServer(text="ready", port=port) as server:
                self.url = server.base
                ready.set()
                await asyncio.to_thread(self._stop.wait)

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()))
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    """With one model of it registered."""
    served = Served()
    served.start()
    added = beastmode("models", "add", "--id", "m", "--name", "M", "--endpoint-url", served.url)
    assert added.exit_code == 0, added.output
    yield served
    served.stop()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.close()


def fail(home: Path, times: int) -> None:
    """Let the model fail just now."""

    async def work() -> None:
        database = await Database.open(home / "beastmode.db")
        for number in range(times):
            row = replace(ROW, task=Task.CHAT, outcome=Outcome.FAILED, error_kind="server_failed", error="500")
            await Ledger(database).observe(replace(row, id=f"f{number}", started_at=time() - 30))
        await database.close()

    asyncio.run(work())


def test_it_says_what_has_changed(served: Served) -> None:
    """0 while the endpoint answers, 1 when it does not; with --quiet a word only when that changes."""
    first = beastmode("check")
    assert (first.exit_code, first.stdout.splitlines()[-1]) == (0, "All in all: healthy")
    assert (beastmode("check", "--quiet").stdout, beastmode("check", "--quiet").exit_code) == ("", 0)
    served.stop()
    gone = beastmode("check", "--quiet")
    assert gone.exit_code == 1
    assert gone.stdout.startswith("Endpoint of custom:m is failing now: ")
    assert "refused the connection" in gone.stdout
    again = beastmode("check", "--quiet")
    assert (again.exit_code, again.stdout) == (1, "")
    assert json.loads(beastmode("check", "--json").stdout)["status"] == "unhealthy"
    served.start(int(served.url.split(":")[2].split("/")[0]))
    back = beastmode("check", "--json")
    told = json.loads(back.stdout)
    assert (back.exit_code, told["status"]) == (0, "healthy")
    assert told["changes"][0].startswith("Endpoint of custom:m is ok now: ")


def test_the_first_time_it_says_what_is_failing(served: Served) -> None:
    """Or cron would write nothing, ever, about what had never been well."""
    served.stop()
    said = beastmode("check", "--quiet")
    assert said.exit_code == 1
    assert said.stdout.startswith("Endpoint of custom:m is failing: ")
    assert beastmode("check", "--quiet").stdout == ""


def test_a_model_that_nothing_is_routed_to_is_a_blemish(served: Served) -> None:
    """It is degraded, not unhealthy, as long as what answers requests is well."""
    other = ("--id", "n", "--name", "N", "--endpoint-url", "http://127.0.0.1:9/v1", "--force")
    assert beastmode("models", "add", *other).exit_code == 0
    said = beastmode("check", "--json")
    assert (said.exit_code, json.loads(said.stdout)["status"]) == (1, "degraded")


def test_a_model_that_answers_badly_is_ill(home: Path, served: Served) -> None:
    """Though its endpoint can be reached."""
    fail(home, 3)
    said = beastmode("check")
    assert said.exit_code == 1
    assert "Answers of custom:m: unhealthy; 3 of the last 3 requests failed" in said.stdout
    assert "`beastmode monitor`" in said.stdout


def test_what_cannot_be_told_is_2(home: Path) -> None:
    """No model at all, or a database that cannot be opened, is neither well nor ill."""
    said = beastmode("check")
    assert (said.exit_code, said.stdout) == (2, "There is no model to look at\n")
    (home / "beastmode.db").unlink()
    (home / "beastmode.db").mkdir()
    said = beastmode("check", "--quiet")
    assert said.exit_code == 2
    assert "beastmode.db" in said.stderr


def test_a_rule_is_checked_from_cron(home: Path, served: Served, webhook: Webhook) -> None:
    """Without an editor or a gateway running, `check` looks and tells; the second one does not tell again."""
    address = f"http://127.0.0.1:{webhook.port}/hook/secret-path"
    added = beastmode("alerts", "target", "hook", typed=f"{address}\n")
    assert added.exit_code == 0, added.output
    assert beastmode("alerts", "add", "health").exit_code == 0
    assert "no target called" in beastmode("alerts", "add", "key", "--to", "nobody").stderr
    assert "Custom model not found" in beastmode("alerts", "add", "key", "--model", "custom:x").stderr
    assert beastmode("alerts", "test").exit_code == 0
    beastmode("alerts", "target", "gone", typed="http://127.0.0.1:9/\n")
    both = beastmode("alerts", "test")
    assert (both.exit_code, both.stdout) == (1, "hook was told\n")
    assert "webhook (gone) was not reached" in both.stderr
    beastmode("alerts", "remove", "gone")
    fail(home, 3)
    assert beastmode("check", "--quiet").exit_code == 1
    assert beastmode("check", "--quiet").exit_code == 1
    assert [body["title"] for _, body in webhook.taken] == [
        "BEAST MODE: a test",
        "BEAST MODE: a test",
        "BEAST MODE alert: health",
    ]
    (row,) = json.loads(beastmode("alerts", "history", "--json").stdout)
    assert (row["rule"], row["turn"], row["target"], row["state"]) == ("health", "alert", "hook", "sent")
    listed = beastmode("alerts", "list")
    assert "when a model's health level is degraded or unhealthy" in listed.stdout
    assert "secret-path" not in added.output + listed.output + beastmode("alerts", "list", "--json").output
    assert b"secret-path" not in (home / "beastmode.db").read_bytes()
    for name in ("health", "hook"):
        assert beastmode("alerts", "remove", name).exit_code == 0
    assert json.loads(beastmode("alerts", "list", "--json").stdout) == {"rules": [], "targets": []}
    assert beastmode("alerts", "remove", "hook").exit_code == 1


def test_a_rule_that_nobody_is_told_of_is_a_blemish(home: Path, served: Served) -> None:
    """Whoever relies on it would wait for ever."""
    beastmode("alerts", "add", "health")
    said = beastmode("check")
    assert (said.exit_code, "nobody is told of health" in said.stdout) == (1, True)


def test_an_alert_that_did_not_arrive_shows_everywhere(home: Path, served: Served, webhook: Webhook) -> None:
    """In check, status, monitor, doctor and the history, with the reason."""
    beastmode("alerts", "target", "hook", typed=f"http://127.0.0.1:{webhook.port}/\n")
    beastmode("alerts", "add", "health")
    fail(home, 3)
    webhook.behaviour = "fail"
    beastmode("check")
    assert "1 alert could not be delivered" in beastmode("check").stdout
    assert "1 alert could not be delivered" in beastmode("status").stdout
    assert "An alert did not reach hook: " in beastmode("monitor").stdout
    assert "1 alert could not be delivered" in beastmode("doctor", "--offline").stdout
    assert "500" in beastmode("alerts", "history").stdout
    assert "500" in beastmode("alerts", "test", "hook").stderr


@pytest.mark.e2e
def test_an_address_is_not_shown_while_it_is_typed(home: Path, webhook: Webhook) -> None:
    """In a terminal, over whose user's shoulder somebody may look."""
    environment = {"BEASTMODE_HOME": str(home), "NO_COLOR": "1"}
    with Terminal("alerts", "target", "hook", environment=environment) as terminal:
        terminal.wait_until(lambda lines: any(line.startswith("Address") for line in lines))
        terminal.type(f"http://127.0.0.1:{webhook.port}/secret-path\r")
        terminal.wait_until(lambda lines: any("is told from now on" in line for line in lines))
        assert terminal.end() == 0
        assert b"secret-path" not in terminal.written
    assert beastmode("alerts", "test", "hook").exit_code == 0
    assert webhook.taken[0][0] == "/secret-path"
