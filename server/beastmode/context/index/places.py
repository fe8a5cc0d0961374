"""Where the index of a workspace lives: one file a workspace root, for its owner only; and how files are read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".index"
_JOURNALS = ("-wal", "-shm")


def index_file(root: Path, folder: Path) -> Path:
    """The index of the workspace at `root`: its folder's name for people, a hash of its whole path for us."""
    real = root.resolve()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", real.name)[:40].strip(".-") or "root"
    return folder / f"{name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}{SUFFIX}"


def make_private(file: Path) -> None:
    """Make the folder 0700 and the file 0600 where there are none, and take group and others off the file.

    Raises:
        OSError: it cannot be made.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix" and file.stat().st_mode & 0o077:
        file.chmod(0o600)


def remove(file: Path) -> None:
    """Delete an index with its journals, which go first: a new file must never meet the journal of an old one.

    Raises:
        OSError: it cannot be deleted; another program holds it open, on Windows.
    """
    for journal in _JOURNALS:
        file.with_name(file.name + journal).unlink(missing_ok=True)
    file.unlink(missing_ok=True)


def forget(root: Path, folder: Path) -> None:
    """Delete the index of a workspace. Its lock stays: whoever holds it is about to build another.

    Raises:
        OSError: it cannot be deleted.
    """
    file = index_file(root, folder)
    remove(file)
    mark_file(file).unlink(missing_ok=True)


def lock_file(file: Path) -> Path:
    """The lock whose holder alone writes the index."""
    return file.with_name(file.name + ".lock")


def mark_file(file: Path) -> Path:
    """The file that is being read right now, in case that reading it ends the process."""
    return file.with_name(file.name + ".at")


def read_regular(path: Path, most: int) -> bytes:
    """The first `most` bytes of a regular file: never of what a link points to, nor of a pipe that waits for a writer.

    Raises:
        OSError: it is something else, or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        return file.read(most)
