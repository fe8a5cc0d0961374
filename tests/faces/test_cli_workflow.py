"""`beastmode workflow-test` against a real server on loopback: five steps, and nothing is left of them."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from contextlib import contextmanager
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

KEY = "sk-workflow-0987654321"
STEPS = ["Registration", "Listing", "Code generation", "Performance", "Cost tracking"]


@contextmanager
def served(spec: str = "", text: str = "return a + b") -> Iterator[str]:
    """A model server in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with ModelServer(text=text, key=KEY, spec=spec) as server:
            found.append(server.base)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def add(url: str, key: str | None = KEY) -> None:
    """Write the row without trying it; the endpoint knows the model by another name than ours."""

    async def write() -> None:
        app = await App.open(load(os.environ)[0])
        row = ModelSpec("custom:mine", "Mine", "openai-compatible", url, "mock", "openai-chat", "openai-completions")
        await app.registry.add(row, key)
        await app.close()

    asyncio.run(write())


def beastmode(*arguments: str) -> Result:
    return CliRunner().invoke(build(), arguments)


def test_five_steps_and_nothing_is_left(temporary: Path) -> None:
    """All pass; the user's own list and ledger are what they were, and no file remains."""
    with served() as url:
        add(url)
        before = beastmode("models", "list", "--json").stdout
        said = beastmode("workflow-test", "--model-id", "mine", "--json")
        after = beastmode("models", "list", "--json").stdout
        ledger = json.loads(beastmode("ledger", "tail", "--json").stdout)
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert [check["name"] for check in found] == STEPS
    assert all(check["ok"] and check["evidence"] for check in found)
    assert "its key is sealed" in found[1]["evidence"]
    assert "5 requests" in found[4]["evidence"]
    assert KEY not in said.output
    assert (before, ledger, list(temporary.iterdir())) == (after, [], [])


@pytest.mark.parametrize(
    ("key", "text", "failed"),
    [("wrong-key-000", "return a + b", "Registration"), (KEY, " ", "Code generation")],
)
def test_a_step_that_fails_is_named_with_its_fix(key: str, text: str, failed: str, temporary: Path) -> None:
    """What needs it is not tried, the exit code is 1, and nothing is left either."""
    with served(text=text) as url:
        add(url, key)
        said = beastmode("workflow-test", "--model-id", "mine", "--json")
    assert said.exit_code == 1
    wrong = [check for check in json.loads(said.stdout) if not check["ok"]]
    assert wrong[0]["name"] == failed
    assert wrong[0]["fix"]
    assert list(temporary.iterdir()) == []


def test_tokens_that_are_not_reported_are_estimated() -> None:
    """And their costs are still those of the ledger."""
    with served("nousage") as url:
        add(url)
        said = beastmode("workflow-test", "--model-id", "mine")
    assert said.exit_code == 0, said.output
    assert "(estimated)" in said.stdout


def test_no_other_machine_is_asked_unasked() -> None:
    """A script has to say --yes; an unknown model is named."""
    add("http://models.test/v1", None)
    said = beastmode("workflow-test", "--model-id", "mine")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "--yes" in said.stderr
    assert "Custom model not found" in beastmode("workflow-test", "--model-id", "none").stderr
