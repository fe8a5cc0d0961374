"""A workspace on a real disk, and a watched folder beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

Picture = dict[str, tuple[int, bytes]]


def made(tmp_path: Path, files: Mapping[str, str]) -> Path:
    """The workspace with these files; its neighbour `outside` holds what must never change."""
    outside, root = tmp_path / "outside", tmp_path / "workspace"
    (outside / ".ssh").mkdir(parents=True)
    (outside / ".ssh" / "authorized_keys").write_text("ssh-ed25519 AAAA me\n")
    (outside / "precious.txt").write_text("precious\n")
    (root / ".git" / "hooks").mkdir(parents=True)
    (root / ".git" / "config").write_text("[core]\n")
    (root / "way_out").symlink_to(outside, target_is_directory=True)
    for name, text in files.items():
        special, colon, path = name.partition(":")
        at = root / (path if colon and special in {"link", "mode"} else name)
        at.parent.mkdir(parents=True, exist_ok=True)
        if colon and special == "link":
            at.symlink_to(text)
        elif colon and special == "mode":
            at.chmod(int(text, 8))
        else:
            at.write_bytes(text.encode())
    return root


def picture(folder: Path) -> Picture:
    """Everything below a folder: kind and permissions, and content or target."""
    found: Picture = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            content = os.fsencode(os.readlink(path))  # noqa: PTH115 - bytes
        elif stat.S_ISREG(facts.st_mode):
            content = path.read_bytes()
        else:
            content = b""
        found[path.relative_to(folder).as_posix()] = (facts.st_mode, content)
    return found


def texts(folder: Path) -> dict[str, bytes]:
    """The contents of the plain files below a folder, but git's."""
    return {
        path: content
        for path, (mode, content) in picture(folder).items()
        if stat.S_ISREG(mode) and not path.startswith(".git/")
    }
