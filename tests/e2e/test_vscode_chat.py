"""Chat and code tasks in real VS Code, driven in a browser as a user would (vscode_chat.mjs says how).

The session runs once; each promise is then a test of its own, so that a report names what broke.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.places import OUT, fresh

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).parent / "vscode_chat.mjs"
PROMISES = re.findall(r"await promise\('([^']+)'", SCRIPT.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Session:
    """What one session in the editor left behind."""

    out: Path
    key: str
    results: dict[str, str]


@pytest.fixture(scope="module")
def session(editors: Path, vsix: Path, server_folder: Path, node_environment: dict[str, str]) -> Session:
    out = fresh(OUT / "vscode-chat")
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
    return Session(out, key, json.loads((out / "results.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("promise", PROMISES)
def test_the_chat_keeps(session: Session, promise: str) -> None:
    """What the name says happens in a real VS Code."""
    assert session.results.get(promise, "not reached: an earlier promise broke") == "kept"


def test_the_key_is_nowhere_on_disk_in_the_clear(session: Session) -> None:
    """No file of the editor, the browser, the server or a log holds the model's key, nor its base64."""
    needles = {session.key.encode(), session.key.encode("utf-16-le"), session.key.encode().hex().encode()}
    for padding in range(3):  # base64 of a text that the key stands in, whatever stands before it
        needles.add(base64.b64encode(b"x" * padding + session.key.encode())[4:-4])
    searched = [file for file in session.out.rglob("*") if file.is_file() and not file.is_symlink()]
    holding = [str(file) for file in searched if any(needle in file.read_bytes() for needle in needles)]
    assert holding == []
    assert any((session.out / "beastmode").iterdir()), "the server wrote nothing, so nothing was proved about it"
