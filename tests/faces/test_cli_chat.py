"""`beastmode chat`: one question, a conversation, and the sessions that are kept."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_server import ModelServer
from typer.testing import CliRunner, Result

from beastmode.faces.cli.chat_output import last_block, tail
from beastmode.faces.cli.main import build

ANSWER = "It is in src/stock.py:1.\n\n```python src/stock.py\nx = 1\n```\n"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A model server in a thread of its own: each command runs, and ends, an event loop."""
    ready, stop = threading.Event(), threading.Event()
    found: list[ModelServer] = []

    async def serve() -> None:
        async with ModelServer(text=ANSWER) as running:
            found.append(running)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    yield found[0]
    stop.set()
    thread.join()


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace to be in, and a home of the test's own."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "stock.py").write_text("def total():\n    return 1\n", encoding="utf-8")
    (folder / ".env").write_text("A=1\n", encoding="utf-8")
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    return folder


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def register(server: ModelServer, spec: str = "") -> None:
    url = server.misbehaving(spec) if spec else server.base
    fields = {"model_name": "Mine", "model_id": "mine", "endpoint_url": url, "provider": "openai-compatible"}
    said = beastmode("models", "add", "--stdin-json", "--force", stdin=json.dumps(fields))
    assert said.exit_code == 0, said.output
    assert beastmode("models", "select", "mine").exit_code == 0


def test_a_question_is_answered_in_plain_text(server: ModelServer) -> None:
    """The answer alone on standard output; what it cites, was shown, took and cost beside it."""
    register(server)
    said = beastmode("chat", "Which?", "--file", "src/stock.py:1")
    assert said.exit_code == 0, said.output
    assert said.stdout == f"{ANSWER}\n"
    assert "cites  src/stock.py:1" in said.stderr
    assert "shown  src/stock.py:1 (these lines are attached)" in said.stderr
    assert "custom:mine" in said.stderr
    assert beastmode("chat", "-", stdin="From a pipe?").exit_code == 0
    assert beastmode("chat", stdin="From a pipe too?").exit_code == 0
    titles = [each["title"] for each in json.loads(beastmode("chat", "sessions", "--json").output)]
    assert titles == ["From a pipe too?", "From a pipe?", "Which?"]


def test_events_are_lines_of_json(server: ModelServer, work: Path) -> None:
    """In their order, with all that is known of the answer in the last; an error is one too."""
    register(server)
    said = beastmode("chat", "Which?", "--json", "--session", "mine")
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    kinds = [line["event"] for line in lines]
    assert kinds[:2] == ["shown", "answering"]
    assert set(kinds[2:-1]) == {"part"}
    assert (kinds[-1], lines[-1]["answer"], lines[-1]["model"]) == ("ended", ANSWER, "custom:mine")
    assert lines[-1]["code"] == [{"language": "python", "path": "src/stock.py", "text": "x = 1\n", "is_whole": True}]
    assert lines[-1]["citations"][0]["real"] == str(work / "src" / "stock.py")
    refused = beastmode("chat", "Which?", "--json", "--file", ".env")
    assert refused.exit_code == 1
    assert "secrets" in json.loads(refused.stdout)["text"]


def test_sessions_are_shown_renamed_exported_and_deleted(server: ModelServer, tmp_path: Path) -> None:
    """By id or by title; no file is overwritten, and nothing is left behind."""
    register(server)
    beastmode("chat", "First?", "--session", "plan")
    beastmode("chat", "Second?", "--session", "plan")
    assert "plan is called The plan" in beastmode("chat", "rename", "plan", "The plan").output
    shown = beastmode("chat", "show", "The plan").output
    assert shown.index("> First?") < shown.index("> Second?")
    page = tmp_path / "plan.md"
    assert beastmode("chat", "export", "plan", "-o", str(page)).exit_code == 0
    assert page.read_text(encoding="utf-8") == shown
    again = beastmode("chat", "export", "plan", "-o", str(page))
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    assert "plan" in beastmode("chat", "sessions").output
    assert beastmode("chat", "delete").exit_code == 2
    assert beastmode("chat", "delete", "plan", "--yes").exit_code == 0
    missing = beastmode("chat", "show", "plan")
    assert (missing.exit_code, "Chat session not found: plan" in missing.output) == (1, True)
    assert "No session is kept" in beastmode("chat", "sessions").output


def test_no_history_keeps_nothing(server: ModelServer, tmp_path: Path) -> None:
    """Not a word of it in any file."""
    register(server)
    assert beastmode("chat", "A very private question?", "--no-history").exit_code == 0
    assert "No session is kept" in beastmode("chat", "sessions").output
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or b"very private" not in path.read_bytes(), path


def test_an_answer_that_breaks_off_is_an_error(server: ModelServer) -> None:
    """With what came, the reason, and exit code 1."""
    register(server, "cut=3")
    said = beastmode("chat", "Which?")
    assert said.exit_code == 1
    assert said.stdout.startswith("It is")
    assert "broke off" in said.stderr


def test_a_file_outside_is_refused(server: ModelServer, tmp_path: Path) -> None:
    """Before the model is asked."""
    register(server)
    (tmp_path / "other.py").write_text("x\n", encoding="utf-8")
    before = server.stats.requests
    said = beastmode("chat", "Which?", "--file", "../other.py")
    assert (said.exit_code, "outside of the workspace" in said.output) == (1, True)
    assert server.stats.requests == before


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("one", "one"),
        ("one\n\ntwo", "two"),
        ("a\n\n```\nx\n\ny", "```\nx\n\ny"),
        ("- a\n\n- b", "- a\n\n- b"),
        ("# h\ntext", "text"),
        ("", ""),
    ],
)
def test_only_the_last_block_is_drawn_again(text: str, rest: str) -> None:
    """What stands before it cannot change any more."""
    assert text[last_block(text) :] == rest


def test_a_long_block_shows_its_end() -> None:
    """With the fence that makes it code."""
    assert tail("```py\n1\n2\n3\n4", 2) == "```py\n3\n4"
    assert tail("1\n2", 5) == "1\n2"


class Terminal:
    """`beastmode chat` in a terminal of its own; `seen` is what it printed, without its colours and movements."""

    def __init__(self, *arguments: str) -> None:
        self._main, other = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "beastmode", "chat", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[2] / "server")},
            start_new_session=True,
        )
        os.close(other)
        self.seen = ""

    def wait_for(self, text: str, seconds: float = 90) -> None:
        """Until it is on the screen, after what was waited for before."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if not select.select([self._main], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self._main, 65536)
            except OSError:
                break
            # prompt_toolkit asks where the cursor is, and waits for the answer of a terminal.
            for _ in range(data.count(b"\x1b[6n")):
                os.write(self._main, b"\x1b[1;1R")
            plain = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\].*?(\x07|\x1b\\))", "", data.decode(errors="replace"))
            self.seen += plain.replace("\r", "")
        assert text in self.seen, self.seen
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def end(self) -> int:
        try:
            return self.process.wait(60)
        finally:
            os.close(self._main)


@pytest.mark.e2e
def test_a_conversation_in_a_terminal(server: ModelServer) -> None:
    """Commands, an answer, Ctrl-C that stops only the answer, and a session to come back to."""
    register(server, "drip=40")
    server.script = "word " * 300 + "end"
    terminal = Terminal("--session", "talk")
    try:
        terminal.wait_for("ask about it")
        terminal.wait_for(">")
        terminal.type("/help\r")
        terminal.wait_for("/sessions")
        terminal.type("/files src/stock.py:1-2\r")
        terminal.wait_for("stock.py:1-2")
        terminal.type("/files .env\r/model nobody\r")
        terminal.wait_for("Custom model not found: nobody")
        terminal.type("/files clear\r/files src/stock.py\r")
        terminal.wait_for("stock.py")
        terminal.type("Tell me.\r")
        terminal.wait_for("word word")
        os.killpg(terminal.process.pid, signal.SIGINT)
        terminal.wait_for("Stopped")
        terminal.wait_for(">")
        server.script = "Short."
        terminal.type("And now?\r")
        terminal.wait_for("Short.")
        terminal.wait_for("custom:mine")
        terminal.wait_for(">")  # before it the terminal itself would take the end of input
        terminal.type("\x04")
        terminal.wait_for("beastmode chat --session talk")
        assert terminal.end() == 0
    finally:
        terminal.process.kill()
        terminal.process.wait()
    said = json.loads(beastmode("chat", "show", "talk", "--json").output)["turns"]
    assert [(turn["question"], turn["ended"]) for turn in said] == [("Tell me.", "stopped"), ("And now?", "stop")]
    assert said[0]["answer"].startswith("word word")
    assert said[1]["answer"] == "Short."
