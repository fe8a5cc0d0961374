"""`beastmode opportunities` as a person and a build see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build

if TYPE_CHECKING:
    from pathlib import Path

DEAD = "def f():\n    return 1\n    a()\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    (root / "a.py").write_text(DEAD)
    (root / "b.py").write_text("import os\n" + DEAD)
    return root


def opportunities(*arguments: object) -> Result:
    return CliRunner().invoke(build(), ["opportunities", *map(str, arguments)])


def test_a_workspace_by_file(root: Path) -> None:
    """Each file with its places, lines counted from one, and the sum at the end; finding something is no failure."""
    result = opportunities(root)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "a.py"
    assert lines[2].split()[:3] == ["3", "medium", "unreachable-code"]
    assert "Nothing here ever runs" in lines[2]
    assert lines[-1] == "3 opportunities in 2 files"


def test_json_for_a_script(root: Path) -> None:
    """Every field of the protocol, lines from zero; `total` counts what `--limit` leaves out."""
    told = json.loads(opportunities(root, "--json", "--limit", 1).output)
    (found,) = told["opportunities"]
    assert (told["total"], told["files"]) == (3, 2)
    assert (found["path"], found["line"], found["end_line"], found["kind"]) == ("a.py", 2, 2, "unreachable-code")
    assert found.keys() >= {"id", "severity", "name", "reason", "suggestion", "others"}


def test_only_what_is_wanted(root: Path) -> None:
    """By kind and by severity; of one file too."""
    assert "1 opportunities in 2 files" in opportunities(root, "--kind", "unused-import").output
    assert "2 opportunities in 2 files" in opportunities(root, "--min-severity", "medium").output
    assert "2 opportunities in 1 files" in opportunities(root / "b.py").output


def test_a_build_can_fail_of_too_many(root: Path) -> None:
    """Exit code 1 above the number, 0 at it."""
    assert opportunities(root, "--fail-above", 2).exit_code == 1
    assert opportunities(root, "--fail-above", 3).exit_code == 0


def test_a_kind_that_does_not_exist_is_named(root: Path) -> None:
    """With those that do."""
    result = opportunities(root, "--kind", "ugliness")
    assert result.exit_code == 1
    assert "ugliness" in result.stderr
    assert "long-function" in result.stderr
