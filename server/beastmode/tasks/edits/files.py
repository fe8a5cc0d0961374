"""The files that an answer is applied to: as they are on disk, or as an editor shows them unsaved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.tasks.edits.disk import Disk
from beastmode.tasks.edits.encoding import Original, checksum, decode
from beastmode.tasks.edits.errors import CannotApply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class WorkspaceFiles:
    r"""The files below a root.

    Args:
        root: the workspace's folder.
        buffers: texts of documents that are open in an editor, by their paths in the workspace. What differs from the
            disk counts instead of it, and can then not be written to the disk but only into the editor.
        most: bytes of a file that is read.
    """

    def __init__(self, root: Path, buffers: Mapping[str, str] | None = None, most: int = 1_000_000) -> None:
        self._disk = Disk(root)
        self._buffers = buffers or {}
        self._most = most

    def read(self, path: str) -> Original | None:
        """See `apply.Files`."""
        try:
            content = self._disk.read(path, self._most + 1)
        except OSError as error:
            raise CannotApply(
                f"{path} cannot be read ({error.strerror or error})",
                "Leave this file alone.",
                "Nothing was written: look at this file and its folder",
                path=path,
            ) from error
        if content is not None and len(content) > self._most:
            raise CannotApply(
                f"{path} has more than {self._most:,} bytes",
                "Leave this file alone.",
                "Nothing was written: change this file yourself",
                path=path,
            )
        text = self._buffers.get(path)
        if text is not None:
            text = text.replace("\r\n", "\n").removeprefix("\ufeff")
            if content is None or decode(content, path) != text:
                return Original(text, checksum(text.encode("utf-8", "replace")))
        return None if content is None else Original(decode(content, path), checksum(content))
