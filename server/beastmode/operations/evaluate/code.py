"""Which code a run was made with, so that it does not go on with another."""

from __future__ import annotations

import hashlib
from pathlib import Path

import beastmode

ENGINE = ("completion", "context", "wire", "operations/evaluate")
"""What decides what is asked and what is shown of the answer."""
QUESTIONS = ("wire",)
"""What decides how a request looks when it reaches a model."""


def digest(rooms: tuple[str, ...]) -> str:
    """A short hash of the version and of every source file of these rooms; takes some milliseconds."""
    root = Path(beastmode.__file__).parent
    found = hashlib.sha256(beastmode.__version__.encode())
    for path in sorted(path for room in rooms for path in (root / room).rglob("*.py")):
        data = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(data)}\n".encode())
        found.update(data)
    return found.hexdigest()[:16]
