"""Every command when something is wrong: a clear message, an exit code that a script can trust, and no traceback."""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.faces.commands import LEAVES, root, words
from typer.testing import CliRunner, Result

from beastmode.app import App
from beastmode.faces.cli.ending import Code, ending
from beastmode.faces.cli.main import build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and locks as Linux has them")

SERVERS = {"lsp", "serve"}
"""Run until they are stopped; tests of their own."""
NEEDS_NO_DATABASE = {"opportunities", "token"}
LOOK_AT_THE_FILE = {"backup", "db copy", "db info"}
"""Without opening the app."""
ALL = sorted(LEAVES.keys() - SERVERS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEASTMODE_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    return home


def beastmode(*arguments: str) -> Result:
    return CliRunner().invoke(build(), arguments, input="")


def ended_well(said: Result) -> Result:
    """Whatever happened, it was told in words."""
    assert said.exception is None or isinstance(said.exception, SystemExit), repr(said.exception)
    assert said.exit_code in set(Code), said.output
    assert "Traceback" not in said.output
    assert said.exit_code in {Code.DONE, Code.INTERRUPTED} or said.output.strip()
    return said


def is_refused(said: Result) -> bool:
    """Whether the command looked no further than at the words that stand for its arguments."""
    return said.exit_code == Code.USAGE or "word" in said.stderr


@pytest.mark.parametrize("path", sorted(LEAVES))
def test_a_wrong_option(path: str) -> None:
    """Is named; nothing is done; 2."""
    said = ended_well(beastmode(*path.split(), "--no-such-option"))
    assert said.exit_code == Code.USAGE
    assert "--no-such-option" in said.stderr


@pytest.mark.parametrize("path", sorted(path for path in LEAVES if "custom:nobody" in words(path)))
def test_a_model_that_is_missing(path: str) -> None:
    """The specification's text, with how to see those that there are; 1."""
    said = ended_well(beastmode(*words(path)))
    assert said.exit_code == Code.FAILED
    assert "Custom model not found: nobody" in said.output  # `models test` says it as the first of its checks
    assert "beastmode models list" in said.output


@pytest.mark.parametrize("path", ALL)
def test_a_home_that_cannot_be_written(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder and the way out are named; 1."""
    monkeypatch.setenv("BEASTMODE_HOME", "/sys/beastmode")  # not even root makes a folder there
    said = ended_well(beastmode(*words(path)))
    assert is_refused(said) or (said.exit_code == Code.FAILED and "/sys/beastmode" in said.stderr), said.output


@contextmanager
def held(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS held (x)")
        yield


@pytest.mark.parametrize("path", ALL)
def test_a_database_that_another_process_holds(path: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some patience it is said that somebody holds it, and what to do; 1."""
    monkeypatch.setattr("beastmode.store.sqlite.PATIENCE_S", 0.05)
    monkeypatch.setattr("beastmode.store.upkeep.PATIENCE_S", 0.05)
    monkeypatch.setattr("beastmode.store.sqlite.patiently.__defaults__", (0.05,))
    beastmode("status")
    with held(home / "beastmode.db"):
        said = ended_well(beastmode(*words(path)))
    if path not in NEEDS_NO_DATABASE and not is_refused(said):
        assert said.exit_code == Code.FAILED, said.output
        assert "locked" in said.stderr
        assert "Close the program that holds it open" in said.stderr


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow by a byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("path", sorted(set(ALL) - {"models fetch"}))
def test_a_full_disk(path: str) -> None:
    """What could not be written is named, with what to do; 1, or what was asked for where nothing had to be written."""
    with full_disk():
        said = ended_well(beastmode(*words(path)))
    if path not in NEEDS_NO_DATABASE and not is_refused(said):
        assert said.exit_code == Code.FAILED, said.output
        assert len(said.stderr.strip().splitlines()) > 1, "a fix is told"


@pytest.mark.parametrize("path", sorted(set(ALL) - NEEDS_NO_DATABASE - LOOK_AT_THE_FILE))
def test_ctrl_c(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the command with 130, as a shell expects it."""

    async def interrupted(*_arguments: Any, **_named: Any) -> App:
        raise KeyboardInterrupt

    monkeypatch.setattr(App, "open", interrupted)
    said = ended_well(beastmode(*words(path)))
    assert said.exit_code == Code.INTERRUPTED or is_refused(said), said.output


@pytest.mark.parametrize("path", sorted(LEAVES))
def test_a_reader_that_has_gone(path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`beastmode … | head -1`: the command ends quietly, with the code that shells have for it."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", closed)
        with pytest.raises(SystemExit) as ended:
            root().main([*path.split(), "--help"], prog_name="beastmode")
    assert ended.value.code == Code.CLOSED
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (BrokenPipeError(32, "Broken pipe"), Code.CLOSED, ""),
        (OSError(28, "No space left on device"), Code.FAILED, "Free some disk space"),
        (PermissionError(13, "Permission denied", "/x/y"), Code.FAILED, "/x/y: Permission denied"),
        (OSError(30, "Read-only file system", "/x"), Code.FAILED, "BEASTMODE_HOME"),
        (KeyboardInterrupt(), Code.INTERRUPTED, ""),
    ],
)
def test_what_the_system_says(
    error: BaseException, code: Code, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Becomes a sentence with its fix, and one of the codes."""
    monkeypatch.setattr("beastmode.faces.cli.ending._say_no_more", lambda: None)
    with pytest.raises(typer.Exit) as ended, ending():
        raise error
    said = capsys.readouterr().err
    assert ended.value.exit_code == code
    assert (told in said) if told else said == ""


def test_an_error_of_the_program_itself_keeps_its_traceback() -> None:
    """A bug report needs it."""
    with pytest.raises(ZeroDivisionError), ending():
        raise ZeroDivisionError
