"""Where the end-to-end tests read and write."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "out"


def fresh(folder: Path) -> Path:
    """An empty folder; what an earlier run left is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
