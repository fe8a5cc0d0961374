"""Which Python a project uses, and where it finds the project's own modules in a copy. Looks at the disk only."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.context.index.places import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = (".venv", "venv", "env", ".env")
_MOST = 20_000


def interpreter(*folders: Path) -> Path:
    """The Python of a project's virtual environment, or that of this machine.

    Never resolved: the link's own place tells Python which environment it is.
    """
    for folder in reversed(folders):
        for name in _NAMES:
            for inner in ("bin/python", "Scripts/python.exe"):
                if (folder / name / "pyvenv.cfg").is_file() and (folder / name / inner).exists():
                    return folder / name / inner
    found = shutil.which("python3") or shutil.which("python")
    return Path(found or sys.executable)


def python_path(root: Path, work: Path, python: Path, drivers: Path) -> list[Path]:
    """The folders for PYTHONPATH: ours, then the copy's own, so that it wins over an installation in place.

    Args:
        root: the workspace.
        work: the copy of it.
        python: the interpreter; what its environment has installed in place is looked up.
        drivers: our own modules.
    """
    found = [drivers]
    places = [work / "src", *(work / place.relative_to(root) for place in _in_place(root, python)), work]
    found += [place for place in dict.fromkeys(places) if place.is_dir()]
    return found


def _in_place(root: Path, python: Path) -> Iterator[Path]:
    """What `pip install -e` has put on the path of an environment, as far as it lies in the workspace."""
    for file in sorted(python.parent.parent.glob("lib/python*/site-packages/*.pth"))[:50]:
        try:
            text = read_regular(file, _MOST).decode("utf-8", "replace")
        except OSError:
            continue
        for line in text.split("\n"):
            place = Path(os.path.realpath(line.strip())) if line.startswith("/") else None
            if place is not None and place.is_relative_to(root):
                yield place
