"""Reads files of the workspace for a model: never outside of its folders, never one with secrets, never a huge one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 400_000
MOST_ENTRIES = 200
"""Files of one folder that are looked at."""

Stamp = tuple[int, int]
"""When a file was last written, in nanoseconds, and its size: what tells its states apart."""


class Files:
    """The files below some folders. Reads the disk: for a thread.

    Args:
        roots: absolute paths. A link that leads out of them leads nowhere.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(os.path.realpath(root) for root in roots)

    def real(self, path: str) -> str | None:
        """The path with its links followed, None where no model may see what is there."""
        real = os.path.realpath(path)
        if not any(real.startswith(root.rstrip(os.sep) + os.sep) for root in self._roots):
            return None
        return None if is_sensitive(path) or is_sensitive(real) else real

    def is_file(self, path: str) -> bool:
        """Whether there is such a file, wherever it may be."""
        return os.path.isfile(path)  # noqa: PTH113 - hundreds of questions a cursor; Path objects cost more than the disk

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder, wherever it may be."""
        return os.path.isdir(path)  # noqa: PTH112 - as above

    def listed(self, folder: str, suffix: str) -> list[str]:
        """The paths in a folder whose names end so, by name."""
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.name.endswith(suffix)]
        except OSError:
            return []
        return [f"{folder}{os.sep}{name}" for name in sorted(names)[:MOST_ENTRIES]]

    def stamp(self, real: str) -> Stamp | None:
        """The state of a file, None where it cannot be read or is none."""
        try:
            found = os.stat(real)  # noqa: PTH116 - as above
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return None
        return found.st_mtime_ns, found.st_size

    def text(self, real: str) -> str:
        r"""A file's text with `\n` endings; '' where it cannot be read or is binary."""
        try:
            # Between the look and the reading a link may have come in its place; and a pipe would never end.
            handle = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with open(handle, "rb") as file:  # noqa: PTH123 - it is open already
                content = file.read(MOST_BYTES + 1)
        except OSError:
            return ""
        if b"\0" in content or len(content) > MOST_BYTES:
            return ""
        return content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
