"""The test files of a project, and which of them speak of a file. Looks at the disk."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beastmode.context.index.places import read_regular
from beastmode.context.index.walk import walk

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from beastmode.tasks.verify.runners import Runner

MOST_LOOKED_AT = 5_000
"""Files of a workspace among which test files are looked for."""
_MOST_BYTES = 400_000


def test_files(root: Path, runner: Runner) -> list[str]:
    """Files that are called as the runner's tests are, relative to the workspace, the shallow ones first."""
    found: list[str] = []
    for number, each in enumerate(walk(root)):
        if number >= MOST_LOOKED_AT:
            break
        path = "" if each is None else each.key.decode("utf-8", "replace")
        if path and any(fnmatch(PurePosixPath(path).name, pattern) for pattern in runner.tests):
            found.append(path)
    return found


def speaking_of(root: Path, tests: Sequence[str], paths: Collection[str]) -> list[str]:
    """The test files whose text names one of these files as other files do: by its module."""
    names = {_module(path) for path in paths}
    return [path for path in tests if any(name in _text(root / path) for name in names)]


def _module(path: str) -> str:
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem in ("__init__", "index", "mod") else pure.stem


def _text(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
