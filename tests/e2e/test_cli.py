"""The command line as a user's shell runs it: pipes that close, Ctrl-C, a full disk, terminals and none."""

from __future__ import annotations

import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.background import serving
from tests.support.model_server import ModelServer

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="pipes and limits of Linux")]

BEASTMODE = str(Path(sys.executable).parent / "beastmode")
ESCAPE = b"\x1b["


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own, and no colour forced or forbidden by whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return kept | {
        "BEASTMODE_HOME": str(tmp_path / "home"),
        "BEASTMODE_BUILTIN__ENABLED": "false",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "TERM": "xterm-256color",
    }


def into_a_closed_pipe(arguments: list[str], environment: dict[str, str]) -> tuple[int, bytes]:
    """Exit code and standard error of a command whose reader has gone before it says a word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        said = subprocess.run(
            [BEASTMODE, *arguments], stdout=writer, stderr=subprocess.PIPE, env=environment, check=False, timeout=60
        )
    finally:
        os.close(writer)
    return said.returncode, said.stderr


def test_a_reader_that_goes_away(environment: dict[str, str]) -> None:
    """What the tests of all commands hold in process holds for the program: no word, and the code that shells have."""
    commands = [["--help"], ["--version"], ["models", "list", "--help"], ["ledger", "export"], ["status"]]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda arguments: into_a_closed_pipe(arguments, environment), commands))
    assert [(each, found) for each, found in zip(commands, ended, strict=True) if found != (141, b"")] == []


def test_a_disk_that_is_full(environment: dict[str, str], tmp_path: Path) -> None:
    """Output that cannot be written, and files that cannot grow, are told of; an old backup stays."""
    with Path("/dev/full").open("wb") as full:
        said = subprocess.run([BEASTMODE, "status"], stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert (said.returncode, said.stderr.decode().splitlines()[-1].strip()) == (1, "Free some disk space")
    file = tmp_path / "it.zip"
    assert subprocess.run([BEASTMODE, "backup", str(file)], env=environment, check=False).returncode == 0
    before = file.read_bytes()
    said = subprocess.run(
        [BEASTMODE, "backup", str(file), "--force"],
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert said.returncode == 1
    assert b"Traceback" not in said.stderr
    assert len(said.stderr.decode().strip().splitlines()) == 2
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_ctrl_c_while_a_model_answers(environment: dict[str, str]) -> None:
    """The command ends with 130 at once, says nothing, and the model is stopped."""
    with serving("a b c d e f g h " * 200) as server:
        add = [BEASTMODE, "models", "add", "--id", "slow", "--name", "Slow", "--endpoint-url", f"{server.url}/v1"]
        add += ["--provider", "openai-compatible", "--price", "0"]
        subprocess.run(add, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        moved = [*add, "--force"]
        moved[moved.index(f"{server.url}/v1")] = f"{server.url}/m/drip=50/v1"
        subprocess.run([BEASTMODE, "models", "select", "slow"], env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(moved, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        running = subprocess.Popen(
            [BEASTMODE, "chat", "ask", "Go on"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert running.stdout is not None
        assert running.stdout.read(1)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
        aborted = wait_until_aborted(server)
    assert (running.returncode, b"Traceback" in said) == (130, False)
    assert aborted


def wait_until_aborted(server: ModelServer) -> bool:
    """Whether the server saw its client go; looked at a few times, as that is told a moment later."""
    for _ in range(100):
        if server.stats.aborted:
            return True
        time.sleep(0.05)
    return False


def at_a_terminal(arguments: list[str], environment: dict[str, str]) -> bytes:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    running = subprocess.Popen(
        [BEASTMODE, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
    )
    os.close(slave)
    said = b""
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        try:
            read = os.read(master, 65536) if ready else b""
        except OSError:  # Linux says so when the other end is closed
            read = b""
        if not read:
            break
        said += read
    running.wait(60)
    os.close(master)
    return said


@pytest.mark.parametrize("arguments", [["--help"], ["models", "show", "none"]])
def test_colour_is_for_terminals(arguments: list[str], environment: dict[str, str]) -> None:
    """There, unless NO_COLOR is set; never in a pipe."""
    assert ESCAPE in at_a_terminal(arguments, environment)
    bold = at_a_terminal(arguments, environment | {"NO_COLOR": "1"})
    assert not any(b"\x1b[3" + digit in bold for digit in (b"1", b"2", b"3", b"4", b"5", b"6"))
    piped = subprocess.run([BEASTMODE, *arguments], capture_output=True, env=environment, check=False)
    assert ESCAPE not in piped.stdout + piped.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str, environment: dict[str, str]) -> None:
    """Typer's own protocol, through the table whose files are imported late."""
    variables = {"_BEASTMODE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "beastmode models s"}
    variables |= {"COMP_WORDS": "beastmode models s", "COMP_CWORD": "2", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    said = subprocess.run([BEASTMODE], env=environment | variables, capture_output=True, text=True, check=False)
    assert "show" in said.stdout
    assert "select" in said.stdout
