"""`beastmode index …` as a script sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return tmp_path / "home"


def index(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), ["index", *map(str, arguments)])


@pytest.mark.e2e
def test_build_search_status_clear(tmp_path: Path) -> None:
    """The four commands, in words and in JSON."""
    root = tmp_path / "work"
    root.mkdir()
    (root / "shop.py").write_text("import os\n\n\ndef total_price(basket):\n    return sum(basket)\n")
    built = index(root, "--json")
    assert built.exit_code == 0, built.output
    assert json.loads(built.output)["files"] == 1
    found = index("search", "total", "price", "--dir", root, "--json")
    assert [(chunk["path"], chunk["line"]) for chunk in json.loads(found.output)] == [("shop.py", 0)]
    assert "shop.py:1" in index("search", "totalPrice", "-d", root).output
    assert "Nothing found" in index("search", "aardvark", "-d", root).output
    told = json.loads(index("status", "--dir", root, "--json").output)
    assert (told["chunks"], told["symbols"], told["left_out"]) == (1, 1, {})
    assert index("clear", "--dir", root).exit_code == 0
    assert index("status", "--dir", root).exit_code == 1


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """No folder and no index: what is wrong, how to mend it, and exit code 1."""
    missing = index(tmp_path / "missing")
    assert missing.exit_code == 1
    assert "is not a folder" in missing.output
    none = index("search", "x", "--dir", tmp_path)
    assert none.exit_code == 1
    assert f"beastmode index {tmp_path}" in none.output.replace("\n", "")
