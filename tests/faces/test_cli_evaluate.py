"""`beastmode evaluate` as a user and a CI job see it."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from rich.text import Text
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode.faces.cli.evaluate import _plain
from beastmode.faces.cli.main import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = "\n\n".join(f"def area_{n}(width, height):\n    result = width * height\n    return result\n" for n in range(9))


@contextmanager
def serving(text: str) -> Iterator[ModelServer]:
    """A model in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    server = ModelServer(text)

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
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BEASTMODE_BUILTIN__ENABLED", "false")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    monkeypatch.setattr("beastmode.operations.evaluate.evaluator.ENGINE", ())  # may be edited meanwhile
    root = tmp_path / "repo"
    root.mkdir()
    (root / "areas.py").write_text(CODE, encoding="utf-8")
    return root


def beastmode(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), [str(each) for each in arguments], input=stdin)


def add(url: str, **fields: object) -> None:
    model = {"model_name": "Mine", "model_id": "mine", "endpoint_url": f"{url}/v1", "provider": "openai-compatible"}
    said = beastmode("models", "add", "--stdin-json", stdin=json.dumps(model | {"api_key": "sk-secret-1"} | fields))
    assert said.exit_code == 0, said.output


def test_a_run_with_everything_written(repository: Path, tmp_path: Path) -> None:
    """A table on standard output, JSON and a page where they were asked for, the key in none of them."""
    with serving("return result") as server:
        add(server.url)
        command = ("evaluate", repository, "--holes", 4, "--kinds", "line", "--kinds", "block", "--naive")
        said = beastmode(*command, "--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    assert said.exit_code == 0, said.output
    assert "custom:mine on 4 holes in 1 files of repo (2 line, 2 block)." in said.output
    assert "naive, one line" in said.output
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["holes"] == 4
    assert {each["name"] for each in written["figures"]} == {"full", "naive", "naive, one line"}
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    kept = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "home" / "evaluations").rglob("*.json*"))
    assert "sk-secret-1" not in said.output + html + kept


def test_a_file_name_is_not_an_order() -> None:
    """Neither for the bar, which knows markup, nor for the terminal."""
    shown = Text.from_markup(_plain("line in repo/[/x][red]\x1b]0;owned\x07.py"))
    assert shown.plain == "line in repo/[/x][red]?]0;owned?.py"


def test_a_ci_job_fails_where_the_model_is_not_good_enough(repository: Path) -> None:
    """--fail-below holds for the first model; rates of defects count the other way."""
    with serving("no such thing") as server:
        add(server.url)
        command = ("evaluate", repository, "--holes", 2, "--kinds", "line", "--json", "-")
        good = beastmode(*command, "--fail-below", "exact=0", "--fail-below", "duplicates=1")
        assert good.exit_code == 0, good.output
        assert json.loads(good.stdout)["holes"] == 2
        bad = beastmode(*command, "--fail-below", "exact=0.5")
        assert bad.exit_code == 1
        assert "exact is 0.000, and 0.5 was asked for" in bad.output
    for wrong in ("exact", "exact=x", "speed=1"):
        assert beastmode(*command, "--fail-below", wrong).exit_code == 2


def test_nothing_is_executed_or_paid_without_consent(repository: Path) -> None:
    """Running tests and asking paid models need a word each, and the refusal says which and how much."""
    with serving("return result") as server:
        add(server.url, price="1/2")
        before = server.stats.requests
        refused = beastmode("evaluate", repository, "--holes", 2, "--tests", f"{sys.executable} -c pass", "--yes")
        assert refused.exit_code == 1
        assert "--allow-running-tests" in refused.output
        refused = beastmode("evaluate", repository, "--holes", 2)
        assert refused.exit_code == 1
        assert "2 requests with up to" in refused.output
        assert "--yes" in refused.output
        assert server.stats.requests == before
        agreed = beastmode("evaluate", repository, "--holes", 2, "--yes")
        assert agreed.exit_code == 0, agreed.output
        assert server.stats.requests > before


def test_broken_off_and_resumed(repository: Path) -> None:
    """A model that fails ends it with 1 and what to type; typed, it goes on."""
    with serving("return result") as server:
        add(server.url)
        server.spec = "500"
        said = beastmode("evaluate", repository, "--holes", 2, "--kinds", "line")
        assert said.exit_code == 1
        assert "2 questions failed" in said.output
        server.spec = ""
        resumed = beastmode("evaluate", "--resume", "last")
        assert resumed.exit_code == 0, resumed.output
        assert "on 2 holes" in resumed.output
    assert beastmode("evaluate", "--resume", "20200101-000000").exit_code == 1
