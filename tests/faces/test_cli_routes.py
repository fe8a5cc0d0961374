"""Providers, routes and what may be spent, as a script sees them."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build
from beastmode.registry.providers import load_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-groq-0987654321"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for variable in ("ENCRYPTION_KEY", "GROQ_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "home"


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The provider `groq` with its address on loopback; each command runs, and ends, an event loop of its own."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with ModelServer(text="Paris", key=KEY, models=("small", "large")) as server:
            found.append(server.base)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    row = load_rows()["groq"]
    moved = replace(row, provider=replace(row.provider, base_url=found[0]), models_url=f"{found[0]}/models")
    rows = MappingProxyType({**load_rows(), "groq": moved})
    monkeypatch.setattr("beastmode.registry.provided.load_rows", lambda: rows)
    yield found[0]
    stop.set()
    thread.join()


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def shown() -> dict[str, list[str]]:
    told = json.loads(beastmode("route", "show", "--json").output)
    return {row["task"]: row["models"] for row in told["tasks"]}


def test_a_provider_from_its_key_to_an_answer(groq: str, home: Path) -> None:
    """Without a key it says what to do; with one it lists its models, and they answer; the key is nowhere."""
    refused = beastmode("models", "list", "--provider", "groq")
    assert refused.exit_code == 1
    assert "beastmode keys set groq" in refused.output
    refused = beastmode("chat", "Which?", "--model", "groq:small")
    assert refused.exit_code == 1
    assert "no API key for Groq" in refused.output
    sealed = beastmode("keys", "set", "groq", stdin=KEY + "\n")
    assert groq.removesuffix("/v1") in sealed.output
    listed = beastmode("models", "list", "--provider", "groq")
    assert listed.output.splitlines() == ["groq:large", "groq:small"]
    assert json.loads(beastmode("models", "list", "--provider", "groq", "--json").output) == [
        "groq:large",
        "groq:small",
    ]
    asked = beastmode("chat", "Which?", "--model", "groq:small")
    assert "Paris" in asked.output
    assert not any(KEY in result.output for result in (sealed, listed, asked))
    for path in home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_the_key_of_the_environment_is_used(groq: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it there already need not enter it again."""
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert "groq:small" in beastmode("models", "list", "--provider", "groq").output
    assert json.loads(beastmode("models", "show", "groq:small", "--json").output)["has_key"]


def test_unknown_providers_are_named() -> None:
    """With those that there are; a kind of server is none that could be asked."""
    said = beastmode("models", "list", "--provider", "nobody")
    assert said.exit_code == 1
    assert "Unknown provider type: nobody" in said.output
    assert "openrouter" in said.output
    assert "no address of its own" in beastmode("models", "list", "--provider", "custom").output


def test_a_route_is_set_shown_and_taken_away() -> None:
    """In order; a paid fallback is said not to be asked before the user allows it."""
    said = beastmode("route", "set", "chat", "ollama:qwen", "openai:gpt-4")
    assert said.exit_code == 0
    assert "ollama:qwen → openai:gpt-4" in said.output
    assert "route policy --paid-fallback" in said.output
    assert shown()["chat"] == ["ollama:qwen", "openai:gpt-4"]
    assert beastmode("route", "set", "default", "vllm:m").exit_code == 0
    assert shown()["tests"] == ["vllm:m"]
    assert beastmode("route", "hard", "chat", "anthropic:claude").exit_code == 0
    table = beastmode("route", "show").output
    assert "ollama:qwen → openai:gpt-4" in table
    assert "anthropic:claude" in table
    assert beastmode("route", "set", "chat", "--forget").exit_code == 0
    assert beastmode("route", "hard", "chat", "--forget").exit_code == 0
    assert shown()["chat"] == ["vllm:m"]
    assert "anthropic" not in beastmode("route", "show").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set", "chat", "nobody"], "Custom model not found: nobody"),
        (["set", "dinner", "ollama:m"], "dinner is no task"),
        (["set", "probe", "ollama:m"], "probe is no task"),
        (["set", "chat"], "either MODEL or --forget"),
        (["set", "chat", "ollama:m", "--forget"], "either MODEL or --forget"),
        (["hard", "chat"], "either MODEL or --forget"),
        (["policy", "--daily-cap", "much"], "much is no amount"),
        (["policy", "--daily-cap=-5"], "0 or more"),
    ],
)
def test_a_wrong_route_is_named(arguments: list[str], words: str) -> None:
    """With the reason, and nothing is changed."""
    said = beastmode("route", *arguments)
    assert said.exit_code != 0
    assert words in " ".join(said.output.replace("│", " ").split())


def test_what_may_be_spent_is_said_step_by_step() -> None:
    """What is not named stays as it is."""
    assert "must not cost money" in beastmode("route", "policy").output
    said = beastmode("route", "policy", "--paid-fallback", "--daily-cap", "$5", "--monthly-cap", "50.50")
    assert "may cost money" in said.output
    assert "$5.00 a day, $50.50 a month" in said.output
    beastmode("route", "policy", "--no-paid-fallback", "--monthly-cap", "none")
    told = json.loads(beastmode("route", "policy", "--json").output)
    assert told == {"allow_paid_fallback": False, "daily_cap": "5", "monthly_cap": None}


def test_a_price_is_shown_as_it_was_entered(groq: str) -> None:
    """Cached tokens and all; with the rare fields beside it."""
    fields = {"model_name": "Mine", "model_id": "mine", "endpoint_url": groq, "price": "0.5/1.5/0.05", "api_key": KEY}
    said = beastmode("models", "add", "--stdin-json", "--local-only", "--max-concurrent", "2", stdin=json.dumps(fields))
    assert said.exit_code == 0, said.output
    told = json.loads(beastmode("models", "show", "mine", "--json").output)
    assert told["price"].startswith("0.5/1.5/0.05 ")
    assert (told["local_only"], told["max_concurrent"]) == (True, 2)
