"""What one process must know to use a server that another one started: a small file that only its user can read.

Apart, because the server writes it and every user of it reads it.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from beastmode.domain.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Running:
    """A server: its process, the loopback ports of its API and of its lease desk, and the key to both."""

    pid: int
    port: int
    lease_port: int
    key: str


def private_folder(path: Path) -> Path:
    """Make `path` a folder that only this user can enter.

    Raises:
        ModelUnavailable: somebody else's folder, or a link, stands in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    if sys.platform != "win32":
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise ModelUnavailable(
                f"The folder {path} does not belong to you, so the built-in model's key is not kept there",
                "Remove it, or set BEASTMODE_HOME to a folder of your own",
            )
        path.chmod(0o700)
    return path


def read_running(path: Path) -> Running | None:
    """The server that the file describes; None if there is no file or it makes no sense."""
    try:
        found = json.loads(path.read_bytes())
        running = Running(**{field.name: found[field.name] for field in fields(Running)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    numbers = (running.pid, running.port, running.lease_port)
    return running if all(isinstance(n, int) for n in numbers) and isinstance(running.key, str) else None


def write_running(path: Path, running: Running) -> None:
    """Put the file there whole, readable by this user alone."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # 0600 from its first moment
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(running), file)
    Path(name).replace(path)


def forget_running(path: Path, pid: int) -> None:
    """Remove the file if it still describes the server with that process id."""
    running = read_running(path)
    if running is not None and running.pid == pid:
        path.unlink(missing_ok=True)
