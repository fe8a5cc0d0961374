"""The workspace's files as they are at the moment of a question: what an editor has open, all others from disk.

Apart because everything that a model is shown, and everything that an answer may point to, passes through here: inside
of the workspace after links were followed, never a file with secrets, never a huge one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive
from beastmode.context.files import MOST_BYTES, Files
from beastmode.domain.errors import UserError
from beastmode.tasks.chat.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.session import Session

_LONGEST = 1_000
"""Characters of a path."""


class CannotAttach(UserError):
    """A file that no model may or can be shown."""

    kind = "cannot_attach"


@dataclass(frozen=True, slots=True)
class Text:
    """A file: its path as a model may see it, where it really is, its lines without line ends."""

    path: str
    real: str
    lines: tuple[str, ...]


class Desk:
    """A picture of the workspace; make it on the event loop, ask it in a thread: it reads the disk.

    Args:
        session: the folders and the open documents.
    """

    def __init__(self, session: Session) -> None:
        self._roots = tuple((root, session.prefix(root)) for root in session.roots)
        self._open = [(each.path, tuple(each.lines)) for each in session.documents]
        self._disk: Files | None = None
        self._known: dict[str, Text | None] = {}
        self._edited: dict[str, tuple[str, ...]] | None = None

    def find(self, path: str) -> Text | None:
        """The file of that path, relative to the workspace or absolute; None where no model may see one there."""
        if path not in self._known:
            try:
                self._known[path] = self.require(path)
            except CannotAttach:
                self._known[path] = None
        return self._known[path]

    def require(self, path: str) -> Text:
        """The file of that path.

        Raises:
            CannotAttach: there is none, or no model may see it; the error says which.
        """
        if not path or len(path) > _LONGEST or clean(path) != path or "\n" in path or "\t" in path:
            raise CannotAttach("A path is empty, too long, or holds control characters", "Name a file of the workspace")
        real = next(filter(None, map(self._real, self._candidates(path))), None)
        if real is None:
            raise self._refusal(path)
        lines = self._documents().get(real)
        if lines is None:
            lines = self._on_disk(path, real)
        return Text(self._shown(real), real, lines)

    def _files(self) -> Files:
        if self._disk is None:
            self._disk = Files(root for root, _ in self._roots)
        return self._disk

    def _candidates(self, path: str) -> Iterator[str]:
        """Where the path may lead to."""
        if os.path.isabs(path):  # noqa: PTH117 - `Files` speaks strings
            yield path
            return
        for root, prefix in self._roots:
            if prefix and path.startswith(prefix):
                yield os.path.join(root, path[len(prefix) :])  # noqa: PTH118 - as above
        for root, _ in self._roots:
            yield os.path.join(root, path)  # noqa: PTH118 - as above

    def _real(self, path: str) -> str | None:
        real = self._files().real(path)
        return real if real is not None and (real in self._documents() or self._files().is_file(real)) else None

    def _documents(self) -> dict[str, tuple[str, ...]]:
        if self._edited is None:
            self._edited = {os.path.realpath(path): lines for path, lines in self._open}
        return self._edited

    def _on_disk(self, path: str, real: str) -> tuple[str, ...]:
        if self._files().stamp(real) is None:
            raise CannotAttach(
                f"{path} is larger than {MOST_BYTES // 1000} kB, or is no regular file", "Attach a part of it"
            )
        text = self._files().text(real)
        if not text and os.path.getsize(real):  # noqa: PTH202 - as above
            raise CannotAttach(f"{path} cannot be read, or is no text", "Attach a text file")
        return _lines(text)

    def _refusal(self, path: str) -> CannotAttach:
        """Why there is no such file for a model."""
        if not self._roots:
            return CannotAttach(f"{path} is in no workspace", "Open a folder first")
        inside = [each for each in self._candidates(path) if self._files().real(each) is not None]
        if inside:
            return CannotAttach(f"There is no file {path}", "Check the path; it is relative to the workspace")
        if is_sensitive(path) or any(is_sensitive(os.path.realpath(each)) for each in self._candidates(path)):
            return CannotAttach(f"{path} may hold secrets, and is shown to no model", "Paste the part that matters")
        return CannotAttach(f"{path} is outside of the workspace", "Copy it into the workspace, or paste what matters")

    def _shown(self, real: str) -> str:
        """A real path as a model may see it."""
        folders = [(os.path.realpath(root).rstrip(os.sep) + os.sep, prefix) for root, prefix in self._roots]
        folder, prefix = max((each for each in folders if real.startswith(each[0])), key=lambda each: len(each[0]))
        return prefix + real[len(folder) :].replace(os.sep, "/")


def _lines(text: str) -> tuple[str, ...]:
    lines = text.split("\n")
    return tuple(lines[:-1] if lines[-1] == "" else lines)
