"""A throw-away copy of a repository: what its tests need, without what git ignores, without secrets, without `.git`.

Installed packages are not copied but used where they are: a virtual environment by its interpreter's path, a
`node_modules` by links. A copy is removed at the end; one whose process died is removed by the next that comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import stat
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from beastmode.context.exclude import is_sensitive
from beastmode.context.index.rules import Rules
from beastmode.domain.errors import UserError
from beastmode.tasks.verify.environment import make_folders
from beastmode.tasks.verify.links import link_packages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

_PREFIX = "copy-"
_NEVER = frozenset((".git", ".hg", ".svn", ".jj", "__pycache__"))
_PACKAGES = "node_modules"
_ENVIRONMENT = "pyvenv.cfg"
_FIXTURES = frozenset(("test", "tests", "__tests__", "spec", "fixtures", "__fixtures__", "testdata", "test-data"))
"""Folders whose keys and certificates are made for tests."""
_GENERATED = (".py", ".pyi", ".so", ".pyd", ".dylib", ".go", ".rs", ".java", ".js", ".mjs", ".cjs", ".ts", ".tsx")
_MOST_GENERATED = 64 << 20
"""Ignored files that a build has left between the sources, and that tests import: kept up to this size in bytes."""


class CopyTooLarge(UserError):
    """The repository is larger than a copy may be."""

    kind = "copy_too_large"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is copied at most: files, and bytes."""

    files: int = 50_000
    size: int = 1 << 30


@dataclass(slots=True)
class Copy:
    """A copy on disk.

    Attributes:
        root: the workspace that it is of.
        holder: the one folder that programs may write: `work`, and the scratch folders beside it.
        left_out: files that are missing although git does not ignore them, and why.
        linked: folders of the workspace that the copy links to.
    """

    root: Path
    holder: Path
    left_out: list[tuple[str, str]] = field(default_factory=list)
    linked: list[Path] = field(default_factory=list)

    @property
    def work(self) -> Path:
        """The copied repository."""
        return self.holder / "work"

    @property
    def scratch(self) -> Path:
        """Home, cache and temporary files of what is run, and what it hands over in `out`."""
        return self.holder / "scratch"

    def put(self, path: str, text: str) -> None:
        """Write a file into the copy, whatever stands there now; never through a link that a program has left.

        Raises:
            ValueError: the path leads out of the copy.
            OSError: it cannot be written.
        """
        *folders, name = _parts(path)
        at = self.work
        for folder in folders:
            at = at / folder
            if at.is_symlink() or (at.exists() and not at.is_dir()):
                at.unlink()
            at.mkdir(exist_ok=True)
        beside = at / f".{name}.{secrets.token_hex(4)}"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if (at / name).is_file() and not (at / name).is_symlink():
            beside.chmod(stat.S_IMODE((at / name).stat().st_mode))
        beside.replace(at / name)

    def remove(self, path: str) -> None:
        """Delete a file of the copy, if it is there."""
        at = self.work.joinpath(*_parts(path))
        if Path(os.path.realpath(at.parent)).is_relative_to(os.path.realpath(self.work)):
            at.unlink(missing_ok=True)


@asynccontextmanager
async def copy_of(
    root: Path,
    folder: Path,
    *,
    limits: Limits | None = None,
    is_ignored: Callable[[str], bool] | None = None,
) -> AsyncGenerator[Copy]:
    """A copy of the repository at `root`, for as long as the block lasts.

    Args:
        root: the workspace.
        folder: where copies live; of this product alone, and outside of the workspace.
        limits: how much is copied at most.
        is_ignored: says of a path (relative, with `/`) whether it stays out besides what git ignores.

    Raises:
        CopyTooLarge: names what is large.
        OSError: the disk is full, or something cannot be read.
    """
    copy, lock = await _begun(root, folder)
    stop = threading.Event()
    copier = _Copier(copy, limits or Limits(), is_ignored, stop)
    try:
        working = asyncio.ensure_future(asyncio.to_thread(copier.run))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([working])
            raise
        yield copy
    finally:
        await _finish(copy.holder, lock)


async def _begun(root: Path, folder: Path) -> tuple[Copy, FileLock]:
    """A new copy and its lock; nothing of them is left where the task is cancelled while they are made."""
    beginning = asyncio.ensure_future(asyncio.to_thread(_begin, root, folder))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.wait([beginning])
        if beginning.exception() is None:
            copy, lock = beginning.result()
            await _finish(copy.holder, lock)
        raise


def _begin(root: Path, folder: Path) -> tuple[Copy, FileLock]:
    """A name for a new copy, and the lock that says that somebody uses it."""
    sweep(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    holder = folder.resolve() / f"{_PREFIX}{secrets.token_hex(6)}"
    lock = FileLock(holder.with_suffix(".lock"), thread_local=False)
    lock.acquire(timeout=0)
    return Copy(root.resolve(), holder), lock


async def _finish(holder: Path, lock: FileLock) -> None:
    """Remove a copy, even while the task is being cancelled."""
    removing = asyncio.ensure_future(asyncio.to_thread(_remove, holder, lock))
    try:
        await asyncio.shield(removing)
    except asyncio.CancelledError:
        await asyncio.wait([removing])
        raise


def sweep(folder: Path) -> int:
    """Remove the copies whose processes have died; gives how many."""
    removed = 0
    for file in folder.glob(f"{_PREFIX}*.lock"):
        lock = FileLock(file, thread_local=False)
        if not file.with_suffix("").exists():
            continue  # being made right now, or only the lock is left
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        _remove(file.with_suffix(""), lock)
        removed += 1
    return removed


def _remove(holder: Path, lock: FileLock) -> None:
    def try_harder(function: Callable[..., Any], path: str, _info: object) -> None:
        # A test may have taken its own right to write in a folder.
        with contextlib.suppress(OSError):
            for each in (Path(path).parent, Path(path)):
                if stat.S_ISDIR(each.lstat().st_mode):
                    each.chmod(0o700)
            if function in (os.scandir, os.open, os.lstat):
                shutil.rmtree(path, ignore_errors=True)
            else:
                function(path)

    if holder.exists():
        shutil.rmtree(holder, onerror=try_harder)
    if not holder.exists():
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


class _Copier:
    """Copies in a thread; ends early when `stop` is set."""

    def __init__(
        self, copy: Copy, limits: Limits, is_ignored: Callable[[str], bool] | None, stop: threading.Event
    ) -> None:
        self._copy, self._limits, self._stop = copy, limits, stop
        self._is_ignored = is_ignored or (lambda _: False)
        self._files = self._size = 0
        self._sizes: dict[str, int] = {}

    def run(self) -> None:
        self._copy.work.mkdir(mode=0o700, parents=True)
        make_folders(self._copy.scratch)
        self._folder("", Rules.of_root(self._copy.root), self._copy.work)

    def _folder(self, way: str, rules: Rules, target: Path) -> None:
        waiting = [(way, rules, target)]
        while waiting:
            way, rules, target = waiting.pop()
            with os.scandir(rules.folder) as found:
                entries = list(found)
            for entry in entries:
                if self._stop.is_set():
                    return
                path, is_folder = way + entry.name, entry.is_dir(follow_symlinks=False)
                if entry.name in _NEVER or self._is_ours(entry):
                    continue
                if entry.name == _PACKAGES and entry.is_dir():
                    self._copy.linked.append(Path(entry.path))
                    link_packages(Path(entry.path), target / entry.name, self._copy.root, self._copy.work)
                    continue
                if self._is_ignored(path):
                    continue
                if rules.ignored_by_git(entry.name, is_folder=is_folder) and not _is_generated(entry):
                    continue
                if is_folder:
                    if not (Path(entry.path) / _ENVIRONMENT).exists():
                        (target / entry.name).mkdir(exist_ok=True)
                        waiting.append((f"{path}/", rules.inside(entry.name), target / entry.name))
                else:
                    self._file(entry, path, target / entry.name)

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        """A workspace may hold the folder of copies, which must not copy itself."""
        return os.path.realpath(entry.path) == str(self._copy.holder.parent)

    def _file(self, entry: os.DirEntry[str], path: str, target: Path) -> None:
        if is_sensitive(path) and not _FIXTURES.intersection(path.lower().split("/")[:-1]):
            self._copy.left_out.append((path, "it may hold secrets"))
        elif entry.is_symlink():
            self._link(entry, path, target)
        elif entry.is_file(follow_symlinks=False):
            self._count(path, entry.stat(follow_symlinks=False).st_size)
            try:
                shutil.copy2(entry.path, target, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.ENOENT):
                    raise
                self._copy.left_out.append((path, "it cannot be read"))

    def _link(self, entry: os.DirEntry[str], path: str, target: Path) -> None:
        leads = Path(os.path.realpath(entry.path))
        if not leads.is_relative_to(self._copy.root):
            self._copy.left_out.append((path, "it links out of the workspace"))
            return
        there = self._copy.work / leads.relative_to(self._copy.root)
        target.symlink_to(os.path.relpath(there, target.parent))

    def _count(self, path: str, size: int) -> None:
        top = path.split("/", 1)[0]
        self._sizes[top] = self._sizes.get(top, 0) + size
        self._files, self._size = self._files + 1, self._size + size
        if self._files > self._limits.files or self._size > self._limits.size:
            heavy = max(self._sizes, key=lambda each: self._sizes[each])
            raise CopyTooLarge(
                f"{self._copy.root.name} is too large to be copied for a run: more than {self._limits.files} files or "
                f"{self._limits.size >> 20} MiB, most of them in {heavy}",
                "Add what tests do not need to .gitignore, or open a smaller folder",
            )


def _is_generated(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith(_GENERATED) or not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_size <= _MOST_GENERATED


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"{path!r} is no path below the workspace")
    return parts
