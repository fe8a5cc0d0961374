"""Real VS Code: the extension from its VSIX, driven in a browser as a user would (vscode.mjs says how).

The session runs once; each promise is then a test of its own, so that a report names what broke.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.places import OUT, ROOT, fresh

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).parent / "vscode.mjs"
PROMISES = re.findall(r"await promise\('([^']+)'", SCRIPT.read_text())


@dataclass(frozen=True, slots=True)
class Session:
    """What one session in the editor left behind."""

    out: Path
    key: str
    results: dict[str, str]


@pytest.fixture(scope="session")
def session(editors: Path, vsix: Path, server_folder: Path, node_environment: dict[str, str]) -> Session:
    out = fresh(OUT / "vscode")
    key = f"sk-e2e-{secrets.token_urlsafe(24)}"
    environment = node_environment | {
        "EDITORS": str(editors),
        "OUT": str(out),
        "VSIX": str(vsix),
        "PYTHON": sys.executable,
        "BIN": str(server_folder),
        "KEY": key,
    }
    subprocess.run([editors / "bin" / "node", SCRIPT], env=environment, check=False, timeout=300)
    return Session(out, key, json.loads((out / "results.json").read_text()))


@pytest.mark.parametrize("promise", PROMISES)
def test_vscode_keeps(session: Session, promise: str) -> None:
    """What the name says happens in a real VS Code."""
    assert session.results.get(promise, "not reached: an earlier promise broke") == "kept"


def test_the_key_is_nowhere_on_disk_in_the_clear(session: Session) -> None:
    """No file of the editor, the browser, the server or a log holds the key that was typed, nor its base64."""
    needles = {session.key.encode(), session.key.encode("utf-16-le"), session.key.encode().hex().encode()}
    for padding in range(3):  # base64 of a text that the key stands in, whatever stands before it
        encoded = base64.b64encode(b"x" * padding + session.key.encode())
        needles |= {encoded[4:-4], base64.urlsafe_b64encode(b"x" * padding + session.key.encode())[4:-4]}
    searched = [file for file in session.out.rglob("*") if file.is_file() and not file.is_symlink()]
    holding = [str(file) for file in searched if any(needle in file.read_bytes() for needle in needles)]
    assert holding == []
    names = {file.name for file in searched}
    assert any(name.endswith(".log") for name in names), "no log was written, so nothing was proved about logs"
    assert any((session.out / "beastmode").iterdir()), "the server wrote nothing, so nothing was proved about it"


def test_the_ledger_knows_what_was_accepted(session: Session) -> None:
    """Each suggestion that was taken is marked on its row, and none that was dismissed or undone."""
    with closing(sqlite3.connect(session.out / "beastmode" / "beastmode.db")) as ledger:
        taken = ledger.execute("SELECT count(*) FROM attempts WHERE accepted_at IS NOT NULL").fetchone()
    assert taken == (5,)


def test_the_readme_shows_what_was_seen(session: Session) -> None:
    """The session takes the picture of the README; BEASTMODE_UPDATE_SCREENSHOT=1 puts it there."""
    picture = session.out / "9-readme.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    if os.environ.get("BEASTMODE_UPDATE_SCREENSHOT"):
        (ROOT / "docs" / "images").mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, ROOT / "docs" / "images" / "vscode.png")


def test_the_vsix_is_small_and_holds_no_packages(vsix: Path) -> None:
    """The VSIX carries the bundle, the server's wheel and the pages: under 2 MB, no node_modules, no sources."""
    names = zipfile.ZipFile(vsix).namelist()
    assert vsix.stat().st_size < 2_000_000
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map"))]
    assert {"extension/dist/extension.js", "extension/dist/NOTICES.txt"} <= set(names)
    assert [name for name in names if name.endswith(".whl")]
