"""The few things that are done to files below a root. No link is ever followed, not even one made a moment ago.

On POSIX each folder on the way is opened in turn without following links, and the file is named relative to the last
one, so that nobody can change the way between a look and a deed. Where the system cannot do that, the way is looked at
first.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_PLAIN: int = _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BY_FOLDER = os.open in os.supports_dir_fd and bool(_NO_FOLLOW)
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))


class Rights(NamedTuple):
    """Permission bits and owner (user, group) of a file; None: as usual for a new one."""

    mode: int | None = None
    owner: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is open (None where the system has no such thing), and its path."""

    handle: int | None
    folder: str

    def name(self, name: str) -> str:
        """How to call an entry of it."""
        return name if self.handle is not None else f"{self.folder}{os.sep}{name}"


class Disk:
    """The files below a folder; paths are relative, with `/`, and were checked by `guard.checked_words`.

    All methods raise OSError.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)

    def read(self, path: str, most: int = -1) -> bytes | None:
        """The first `most` bytes of a plain file; None where there is none."""
        try:
            with self._folder_of(path) as (place, name):
                handle = os.open(place.name(name), os.O_RDONLY | _PLAIN, dir_fd=place.handle)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "not a plain file", path)
            return file.read(most)

    def facts(self, path: str) -> os.stat_result | None:
        """What the system knows of an entry, be it a link; None where there is none."""
        try:
            with self._folder_of(path) as (place, name):
                return os.stat(place.name(name), dir_fd=place.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def stage(self, path: str, staged: str, content: bytes, rights: Rights) -> None:
        """Write a new file named `staged` beside `path`, on disk for sure."""
        with self._folder_of(path) as (place, _):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
            handle = os.open(place.name(staged), flags, 0o666 if rights.mode is None else 0o600, dir_fd=place.handle)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(handle, view) :]
                if rights.mode is not None and hasattr(os, "fchmod"):
                    if rights.owner and rights.owner != (os.geteuid(), os.getegid()):
                        with suppress(PermissionError):
                            os.fchown(handle, *rights.owner)
                    os.fchmod(handle, rights.mode)
                os.fsync(handle)
            finally:
                os.close(handle)

    def replace(self, path: str, staged: str) -> None:
        """Put the staged file in the place of `path` in one step."""
        with self._folder_of(path) as (place, name):
            os.replace(place.name(staged), place.name(name), src_dir_fd=place.handle, dst_dir_fd=place.handle)
            _sync(place)

    def place(self, path: str, staged: str) -> None:
        """Put the staged file where nothing is; FileExistsError where something is."""
        with self._folder_of(path) as (place, name):
            old, new = place.name(staged), place.name(name)
            try:
                os.link(old, new, src_dir_fd=place.handle, dst_dir_fd=place.handle, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # A file system without hard links: between this look and the deed is a moment that nobody guards.
                with suppress(FileNotFoundError):
                    os.stat(new, dir_fd=place.handle, follow_symlinks=False)
                    raise FileExistsError(errno.EEXIST, "there already", path) from error
                os.replace(old, new, src_dir_fd=place.handle, dst_dir_fd=place.handle)
            else:
                os.unlink(old, dir_fd=place.handle)
            _sync(place)

    def remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError), self._folder_of(path) as (place, name):
            os.unlink(place.name(name), dir_fd=place.handle)
            _sync(place)

    def missing_folders(self, path: str) -> list[str]:
        """The folders on the way to a file that are not there yet, the outer ones first."""
        names = path.split("/")[:-1]
        ways = ["/".join(names[: number + 1]) for number in range(len(names))]
        return [way for way in ways if self.facts(way) is None]

    def make_folder(self, path: str) -> None:
        """Make a folder, unless it is there."""
        with suppress(FileExistsError), self._folder_of(path) as (place, name):
            os.mkdir(place.name(name), dir_fd=place.handle)
            _sync(place)

    def remove_folder(self, path: str) -> None:
        """Remove a folder if it is there and empty."""
        try:
            with self._folder_of(path) as (place, name):
                os.rmdir(place.name(name), dir_fd=place.handle)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[_Place, str]]:
        *folders, name = path.split("/")
        if not _BY_FOLDER:
            yield _Place(None, self._looked_at(folders)), name
            return
        flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(self._root, flags)
        try:
            for folder in folders:
                outer, handle = handle, os.open(folder, flags | _NO_FOLLOW, dir_fd=handle)
                os.close(outer)
            yield _Place(handle, ""), name
        finally:
            os.close(handle)

    def _looked_at(self, folders: list[str]) -> str:
        at = self._root
        for folder in folders:
            at = f"{at}{os.sep}{folder}"
            facts = Path(at).lstat()
            if not stat.S_ISDIR(facts.st_mode) or getattr(facts, "st_file_attributes", 0) & 0x400:
                raise NotADirectoryError(errno.ENOTDIR, "a link or a file is in the way", at)
        return at


def _sync(place: _Place) -> None:
    """Make a folder's entries last. Some file systems refuse, and then do it by themselves."""
    if place.handle is not None:
        with suppress(OSError):
            os.fsync(place.handle)
