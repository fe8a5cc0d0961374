"""Files that belong to one person: made private from the first byte, and set aside rather than overwritten."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMPANIONS = ("-wal", "-shm")


def private_directory(path: Path) -> None:
    """Make a folder and its missing parents, each 0700; one that exists keeps its mode."""
    if path.is_dir():
        return
    private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path) -> None:
    """Make an empty 0600 file where there is none, and take group and others off one that is there."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def aside_name(path: Path, why: str) -> Path:
    """`NAME.WHY-YYYYMMDD-HHMMSS` beside a file: a name that nothing has yet."""
    stamp = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    aside, number = path.with_name(f"{path.name}.{why}-{stamp}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    return aside


def set_database_aside(path: Path) -> Path:
    """Move a database and its journals to `NAME.damaged-YYYYMMDD-HHMMSS`; return the new path of the main file.

    The journals go first: a new main file must never meet the journal of the old one.
    """
    aside = aside_name(path, "damaged")
    for companion in _COMPANIONS:
        journal = path.with_name(path.name + companion)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + companion))
    path.rename(aside)
    return aside
