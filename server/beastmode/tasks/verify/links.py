"""The installed packages of a JavaScript project in a copy of it: links to each, none copied.

Not one link to the whole folder: tools write their caches into it, and in a workspace of many packages some entries
are links to the project's own sources, which have to lead to the copy of those.
"""

from __future__ import annotations

import os
from pathlib import Path


def link_packages(source: Path, target: Path, root: Path, work: Path) -> None:
    """Make `target` with a link for each entry of `source`, a `node_modules` folder.

    Args:
        source: in the workspace; may be a link itself.
        target: in the copy.
        root: the workspace.
        work: the copy of it.
    """
    target.mkdir()
    for name in os.listdir(source):  # noqa: PTH208  # names are wanted
        if name.startswith("@") and (source / name).is_dir():
            (target / name).mkdir()
            for inner in os.listdir(source / name):  # noqa: PTH208  # the same
                _link(source / name / inner, target / name / inner, root, work)
        elif name == ".bin" or not name.startswith("."):
            _link(source / name, target / name, root, work)


def _link(source: Path, target: Path, root: Path, work: Path) -> None:
    leads = Path(os.path.realpath(source))
    own = source.is_symlink() and leads.is_relative_to(root) and "node_modules" not in leads.relative_to(root).parts
    target.symlink_to(work / leads.relative_to(root) if own else leads)
