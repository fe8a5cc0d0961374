"""`beastmode models doctor` as a script sees it, with a real database and real keys behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.operations.scripted import Scripted
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode.app import App
from beastmode.domain.errors import NotAllowed, UserError
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import Task
from beastmode.domain.routing import HealthLevel, Policy
from beastmode.faces.cli.main import build
from beastmode.operations.fim_templates import families

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beastmode.settings import Settings

KEY = "sk-doctor-0987654321"
PATHS = ("/v1/chat/completions", "/v1/completions")
QWEN = next(family.template for family in families() if family.name == "qwen")


@contextmanager
def serving() -> Iterator[ModelServer]:
    """A model that understands one template, in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    server = ModelServer(Scripted(template=QWEN), key=KEY, serves=PATHS)

    async def serve() -> None:
        async with server:
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    return tmp_path / "home"


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def add(url: str, **fields: object) -> Result:
    model = {"model_name": "Mine", "model_id": "mine", "endpoint_url": f"{url}/v1", "provider": "openai-compatible"}
    said = beastmode("models", "add", "--stdin-json", stdin=json.dumps(model | {"api_key": KEY} | fields))
    assert said.exit_code == 0, said.output
    return said


def test_from_diagnosis_to_row(home: Path) -> None:
    """Proposed, applied with the key kept, right the next time; every question is in the ledger as a probe."""
    with serving() as server:
        add(server.url)
        proposed = json.loads(beastmode("models", "doctor", "mine", "--json").output)
        assert (proposed["ok"], proposed["applied"]) == (True, False)
        assert [change["field"] for change in proposed["changes"]] == ["fim_template"]
        shown = beastmode("models", "doctor", "mine", "--apply")
        assert shown.exit_code == 0, shown.output
        assert "template qwen" in shown.output
        assert "<|fim_prefix|>" in beastmode("models", "show", "mine").output
        again = json.loads(beastmode("models", "doctor", "mine", "--json").output)
        assert again["changes"] == []
        assert beastmode("models", "test", "mine").exit_code == 0, "the key was lost"
    rows = json.loads(beastmode("ledger", "tail", "--json").output)
    assert rows
    assert {row["task"] for row in rows} == {"probe"}
    assert KEY not in shown.output + json.dumps(proposed) + json.dumps(rows)


def test_nothing_is_sent_that_costs_money_before_somebody_agrees(home: Path) -> None:
    """It says how much it would send; with --yes it says so and goes on."""
    with serving() as server:
        add(server.url, price="0.5/1.5")
        before = server.stats.requests
        refused = beastmode("models", "doctor", "mine")
        assert (refused.exit_code, server.stats.requests) == (1, before)
        assert "requests with about" in refused.output
        assert "--yes" in refused.output
        agreed = beastmode("models", "doctor", "mine", "--yes", "--json")
        assert agreed.exit_code == 0
        assert "costs money" in agreed.stderr
        assert server.stats.requests > before


@pytest.mark.parametrize("model", ["builtin", "openai:gpt-4"])
def test_a_model_without_a_row_is_not_asked_in_vain(home: Path, model: str) -> None:
    """--apply is refused before anything is sent."""
    said = beastmode("models", "doctor", model, "--apply", "--yes")
    assert said.exit_code == 1
    assert "no row of its own" in said.output
    assert beastmode("models", "doctor", "nobody").exit_code == 1


def mine(url: str) -> ModelSpec:
    return ModelSpec(
        "custom:m", "M", "openai-compatible", f"{url}/v1", "mock", "openai-chat", "openai-completions", max_tokens=500
    )


async def test_a_row_that_was_changed_meanwhile_is_left_alone(settings: Settings) -> None:
    """Another window's change is not overwritten, and probes say nothing about the model's health."""
    app = await App.open(settings)
    try:
        async with ModelServer(Scripted(template=QWEN), serves=PATHS) as server:
            await app.registry.add(mine(server.url), None)
            diagnosis = await app.models.doctor("m", lambda _message, _part: None)
            assert app.health.of("custom:m").level is HealthLevel.UNKNOWN
            renamed = replace(mine(server.url), name="New")
            await app.registry.add(renamed, None, replace=True)
            with pytest.raises(UserError, match="changed while"):
                await app.models.apply(diagnosis)
            assert app.registry.get("m") == renamed
    finally:
        await app.close()


async def test_cancelling_stops_asking(settings: Settings) -> None:
    """Ctrl-C in the middle: the question under way is hung up, the row stays."""
    app = await App.open(settings)
    try:
        async with ModelServer(Scripted(template=QWEN), serves=PATHS) as server:
            await app.registry.add(mine(f"{server.url}/m/drip=200"), None)
            asked = asyncio.Event()
            task = asyncio.create_task(app.models.doctor("m", lambda _message, _part: asked.set()))
            await asked.wait()
            while not server.stats.requests:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert app.registry.get("m").fim_template is None
            assert server.stats.requests <= 2
    finally:
        await app.close()


async def test_a_cap_stops_the_questions(settings: Settings) -> None:
    """Agreeing to pay is not agreeing to pass a spending cap."""
    from beastmode.registry.registration import parse  # noqa: PLC0415  # pydantic only here

    app = await App.open(settings)
    try:
        async with ModelServer(Scripted(template=QWEN), serves=PATHS) as server:
            fields = {"model_name": "M", "model_id": "m", "endpoint_url": f"{server.url}/v1", "price": "1000/1000"}
            model, _ = parse({**fields, "provider": "openai-compatible"})
            await app.registry.add(model, None)
            await app.registry.set_policy(Policy(daily_cap=app.registry.get("m").price.input / 1_000_000_000))  # type: ignore[union-attr]  # it has one
            with pytest.raises(NotAllowed):
                await app.models.doctor("m", lambda _message, _part: None, yes=True)
            assert server.stats.requests == 0
            assert [row["task"] for row in await app.ledger.since(0)] == []
            assert app.registry.selected(Task.INLINE) is not None
    finally:
        await app.close()
