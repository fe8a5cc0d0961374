"""`beastmode loadtest`, against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.faces.cli.main import build
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def url() -> Iterator[str]:
    """A model server in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with ModelServer(text="return a + b") as server:
            found.append(server.url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    yield found[0]
    stop.set()
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return tmp_path / "home"


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def register(endpoint_url: str, **changed: object) -> None:
    fields = {"model_name": "Mine", "model_id": "mine", "endpoint_url": endpoint_url, "provider": "openai-compatible"}
    said = beastmode("models", "add", "--stdin-json", "--force", stdin=json.dumps(fields | changed))
    assert said.exit_code == 0, said.output


def loadtest(*arguments: str) -> Result:
    return beastmode("loadtest", "--model-id", "custom:mine", *arguments)


def test_a_test_from_its_first_request_to_its_comparison(url: str, tmp_path: Path) -> None:
    """Two steps, a file for scripts, a page, then the same beside it; every request is in the ledger, as a test."""
    register(f"{url}/v1")
    before = len(json.loads(beastmode("ledger", "tail", "--count", "999", "--json").stdout))
    old, page = tmp_path / "old.json", tmp_path / "load.html"
    steps = ("--requests", "6", "--concurrency", "1,3")
    said = loadtest(*steps, "--output", str(old), "--html", str(page))
    assert said.exit_code == 0, said.output
    assert "answered 12 of 12 requests" in said.stdout
    rows = json.loads(beastmode("ledger", "tail", "--count", "999", "--json").stdout)[before:]
    assert [(row["task"], row["reason"], row["outcome"]) for row in rows] == [("probe", "load test", "ok")] * 13
    told = json.loads(old.read_text())
    assert (told["version"], [step["answered"] for step in told["steps"]]) == (1, [6, 6])
    assert page.read_text().startswith("<!doctype html>")
    again = loadtest(*steps, "--compare", str(old), "--output", str(old), "--html", str(tmp_path / "new.html"))
    assert (again.exit_code, json.loads(old.read_text())) == (1, told)
    again = loadtest(*steps, "--compare", str(old))
    assert again.exit_code == 0, again.output
    assert "latency p95" in again.stdout


def test_an_open_loop_for_a_script(url: str) -> None:
    """One JSON object on standard output."""
    register(f"{url}/v1")
    told = json.loads(loadtest("--rate", "40", "--duration", "0.5", "--json").stdout)
    assert (told["asked"]["rate"], told["steps"][0]["answered"], told["steps"][0]["name"]) == (40.0, 20, "40 a second")


def test_no_other_machine_is_loaded_unasked(url: str, tmp_path: Path) -> None:
    """A script has to say --yes; a paid model needs --max-cost, too; nothing was sent."""

    async def add() -> None:
        app = await App.open(load(os.environ)[0])
        far = ModelSpec("custom:mine", "M", "openai-compatible", "http://models.test/v1", "m", "openai-chat", None)
        await app.registry.add(far, None)
        await app.close()

    asyncio.run(add())
    said = loadtest("--requests", "1")
    assert said.exit_code == 1
    assert "--yes" in said.stderr
    register(f"{url}/v1", price="30/60")
    said = loadtest("--requests", "5")
    assert said.exit_code == 1
    assert "--max-cost" in said.stderr
    assert loadtest("--requests", "5", "--max-cost", "0.0001").exit_code == 1
    tail = json.loads(beastmode("ledger", "tail", "--json").stdout)
    assert all(row["reason"] != "load test" for row in tail)
    agreed = loadtest("--requests", "5", "--max-cost", "1")
    assert agreed.exit_code == 0, agreed.output
    assert "It cost $0.0" in agreed.stdout


def test_a_redirect_is_not_followed(url: str) -> None:
    """Where an endpoint sends the test elsewhere, it ends there."""
    register(f"{url}/m/redirect=http%3A%2F%2F127.0.0.1%3A9%2F/v1")
    said = loadtest("--requests", "20", "--warm-up", "0")
    assert said.exit_code == 1
    assert "first 10 requests all failed" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--concurrency", "8,4"], "8,4"),
        (["--concurrency", "0"], "0"),
        (["--concurrency", "many"], "many"),
        (["--max-cost", "much"], "much"),
        (["--compare", "none.json"], "none.json"),
        (["--output", "/"], "/"),
        (["--requests", "100000"], "too many"),
    ],
)
def test_a_wrong_option_is_named_with_its_fix(arguments: list[str], named: str) -> None:
    """Before anything is sent."""
    said = loadtest(*arguments)
    assert (said.exit_code, said.stdout) == (1, "")
    assert named in said.stderr
    assert beastmode("loadtest", "--model-id", "custom:none").exit_code == 1
