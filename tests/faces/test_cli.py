"""The command line as a script sees it: output, exit codes, and no key anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
import typer
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode import __version__
from beastmode.faces.cli.main import build
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-cli-0987654321"


@pytest.fixture
def url() -> Iterator[str]:
    """A model server in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def serve() -> None:
        async with ModelServer(text="return a + b", key=KEY) as server:
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
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    return tmp_path / "home"


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def fields(url: str, **changed: object) -> str:
    return json.dumps(
        {"model_name": "Mine", "model_id": "mine", "endpoint_url": f"{url}/v1", "provider": "openai-compatible"}
        | {"api_key": KEY, "price": "0.5/1.5"}
        | changed
    )


def test_a_model_from_registration_to_removal(url: str, home: Path) -> None:
    """Add, select, list, test, ask, look at the ledger, remove; the key is in no file and in no output."""
    said = beastmode("models", "add", "--stdin-json", stdin=fields(url))
    assert said.exit_code == 0, said.output
    outputs = [said.output]
    for command in (
        ["models", "select", "mine"],
        ["models", "list"],
        ["models", "show", "mine"],
        ["models", "test", "mine"],
        ["chat", "Which?"],
        ["complete", "def add(a, b):\n    "],
        ["status"],
    ):
        said = beastmode(*command)
        assert said.exit_code == 0, said.output
        outputs.append(said.output)
    assert "return a + b" in outputs[5]
    assert "custom:mine" in outputs[2]
    rows = json.loads(beastmode("ledger", "tail", "--json").output)
    assert [row["task"] for row in rows][-2:] == ["chat", "inline"]
    assert rows[-1]["cost_nano"] > 0
    assert beastmode("models", "remove", "mine", "--yes").exit_code == 0
    assert not any(KEY in output for output in outputs)
    for path in home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_the_editor_reads_lines_of_json(url: str) -> None:
    """Progress while it tries, the result last."""
    said = beastmode("models", "add", "--stdin-json", "--json", stdin=fields(url))
    lines = [json.loads(line) for line in said.output.splitlines()]
    assert all("progress" in line for line in lines[:-1])
    assert (lines[-1]["ok"], lines[-1]["id"]) == (True, "custom:mine")
    assert any(check["name"] == "Code completion" and check["ok"] for check in lines[-1]["found"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"api_key": "wrong-key-000"}, "401"),
        ({"endpoint_url": "http://127.0.0.1:9/v1"}, "refused"),
        ({"provider": "llama.cpp", "endpoint_url": "{url}/m/wrong=anthropic/v1"}, "Invalid request format"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_not_saved(url: str, changed: dict[str, str], said: str) -> None:
    """What was seen, what to do, and the offer to save all the same."""
    changed = {name: value.format(url=url) for name, value in changed.items()}
    result = beastmode("models", "add", "--stdin-json", "--json", stdin=fields(url, **changed))
    last = json.loads(result.output.splitlines()[-1])
    assert (result.exit_code, last["ok"], last["can_save_anyway"]) == (1, False, True)
    assert said in last["error"]
    assert last["fix"]
    assert "wrong-key" not in result.output
    assert beastmode("models", "show", "mine").exit_code == 1
    forced = beastmode("models", "add", "--stdin-json", "--json", "--force", stdin=fields(url, **changed))
    assert json.loads(forced.output.splitlines()[-1])["ok"]


def test_wrong_fields_are_named(url: str) -> None:
    """All of them at once, each with its reason."""
    said = beastmode("models", "add", "--stdin-json", "--json", stdin=fields("ftp://x", context_window="many"))
    problems = json.loads(said.output.splitlines()[-1])["problems"]
    assert problems.keys() == {"endpoint_url", "context_window"}


def test_an_unknown_model_has_the_specifications_text() -> None:
    """And a fix, on standard error, with exit code 1."""
    said = beastmode("models", "select", "custom:my-model")
    assert said.exit_code == 1
    assert "Custom model not found: my-model" in said.output
    assert "beastmode models list" in said.output


def test_keys_are_set_rotated_and_forgotten(url: str) -> None:
    """The key comes from standard input; after a rotation the model still answers."""
    beastmode("models", "add", "--stdin-json", "--force", stdin=fields(url, api_key="wrong-key-000"))
    assert beastmode("models", "test", "mine").exit_code == 1
    assert beastmode("keys", "set", "mine", stdin=KEY + "\n").exit_code == 0
    said = beastmode("keys", "rotate")
    assert "Sealed 1 keys anew" in said.output
    assert beastmode("models", "test", "mine").exit_code == 0
    assert beastmode("keys", "set", "mine", "--forget").exit_code == 0
    assert beastmode("models", "test", "mine").exit_code == 1


def test_a_key_that_cannot_be_opened_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The specification's text, the model's name and what to do; the old passphrase opens it again."""
    monkeypatch.setenv("ENCRYPTION_KEY", "the first passphrase")
    assert beastmode("models", "add", "--stdin-json", stdin=fields(url)).exit_code == 0
    monkeypatch.setenv("ENCRYPTION_KEY", "another passphrase")
    said = beastmode("models", "test", "mine")
    assert said.exit_code == 1
    assert "Failed to decrypt API key of custom:mine" in said.output
    assert beastmode("keys", "rotate", stdin="the first passphrase\n").exit_code == 0
    assert beastmode("models", "test", "mine").exit_code == 0


def test_the_doctor_names_what_is_missing(home: Path) -> None:
    """Every line has its evidence; what fails has a fix."""
    said = beastmode("doctor")
    assert said.exit_code == 1
    assert "beastmode models fetch" in said.output
    assert str(home / "beastmode.db") in said.output


def test_the_version() -> None:
    """One number, in one place."""
    assert beastmode("--version").output == f"beastmode {__version__}\n"


def test_a_route_is_explained(url: str) -> None:
    """Every model of the chain with the reason for or against it; nothing is sent."""
    beastmode("models", "add", "--stdin-json", stdin=fields(url))
    beastmode("route", "set", "chat", "mine", "openai:gpt-4")
    beastmode("route", "hard", "chat", "anthropic:claude-sonnet-4-5")
    said = json.loads(beastmode("route", "explain", "hello", "--json").output)
    assert [(row["model"], row["chosen"]) for row in said] == [("custom:mine", True), ("openai:gpt-4", False)]
    assert "costs money" in said[1]["against"]
    said = json.loads(beastmode("route", "explain", "find the deadlock and its root cause", "--json").output)
    assert said[0]["model"] == "anthropic:claude-sonnet-4-5"
    assert "deadlock" in said[0]["for"]
    assert "local-only" in beastmode("route", "explain", "hello", "--model", "openai:gpt-4", "--local-only").output


def test_a_command_that_is_told_to_end_puts_away_what_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with Ctrl-C: a cancelled job of CI sends SIGTERM, and must not leave a temporary profile behind."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path))
    put_away = []

    async def work(_app: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            put_away.append(True)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit) as ended:
        run(work)
    assert (ended.value.exit_code, put_away) == (130, [True])
    assert signal.getsignal(signal.SIGTERM) is before
