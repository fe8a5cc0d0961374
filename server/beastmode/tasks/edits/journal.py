"""What is about to be done to a workspace, written down before it is done, so that a crash in the middle is no harm.

Each change has a folder of its own, outside the workspace and for its owner only: the bytes of every file before and
after, and `plan.json`, which appears in one step when everything else is on disk. Until then nothing in the workspace
has been touched; from then on the change can be finished or taken back by anyone who reads the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beastmode.store.files import private_directory
from beastmode.tasks.edits.encoding import checksum
from beastmode.tasks.edits.errors import CannotApply, CannotWrite
from beastmode.tasks.edits.guard import checked_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from filelock import FileLock

_PLAN = "plan.json"
_VERSION = 1
_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """One file goes from one state to another; None is: no such file. States are checksums of its bytes.

    `mode` and `owner` (user, group) are those of the file before; None for a new file.
    """

    path: str
    before: str | None
    after: str | None
    mode: int | None = None
    owner: tuple[int, int] | None = None

    @property
    def back(self) -> Step:
        """The way back."""
        return Step(self.path, self.after, self.before, self.mode, self.owner)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, and the folders that are made for them, the outer ones first."""

    id: str
    steps: tuple[Step, ...]
    folders: tuple[str, ...] = ()


class Damaged(Exception):
    """An entry that cannot be read. Never leaves the room."""


class Entry:
    """One change that is being made, or that was when its process died."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def is_planned(self) -> bool:
        """Whether its plan was complete: only then was anything done."""
        return (self.folder / _PLAN).exists()

    def plan(self) -> Plan:
        """Its plan. Raises Damaged."""
        try:
            told = json.loads((self.folder / _PLAN).read_bytes())
            steps = tuple(_step(step) for step in told["steps"])
            for path in [*(step.path for step in steps), *told["folders"]]:
                if checked_words(path) != path:
                    raise Damaged(path)
            if told["version"] != _VERSION or not re.fullmatch("[0-9a-f]{16}", told["id"]):
                raise Damaged(_PLAN)
            return Plan(told["id"], steps, tuple(told["folders"]))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, CannotApply) as error:
            raise Damaged(str(error)) from error

    def content(self, state: str) -> bytes:
        """The bytes of a state. Raises Damaged."""
        try:
            content = (self.folder / state).read_bytes()
        except OSError as error:
            raise Damaged(str(error)) from error
        if checksum(content) != state:
            raise Damaged(state)
        return content

    def close(self) -> None:
        """The change is done or taken back: forget it, the plan first."""
        (self.folder / _PLAN).unlink(missing_ok=True)
        _sync(self.folder)
        with suppress(OSError):  # what stays has no plan, and goes next time
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()

    def set_aside(self) -> Path:
        """Keep it out of the way, for a person to look at."""
        aside = self.folder.with_name(f"{self.folder.name}.kept")
        self.folder.rename(aside)
        return aside


class Journal:
    """The entries of one workspace.

    Args:
        root: the workspace's folder.
        folder: where journals live; made private where it is not there.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        real = os.path.realpath(root)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(real).name)[:40].strip(".-") or "root"
        self._folder = folder / f"{name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}"

    def lock(self) -> FileLock:
        """Held by whoever writes to the workspace; waits a while for another to finish.

        Raises:
            CannotWrite: another process holds it all the time.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, and only a change that is made needs it

        private_directory(self._folder)
        lock = FileLock(f"{self._folder}.lock", timeout=_WAIT_S, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            raise CannotWrite(
                "Another BEAST MODE is writing to this workspace and does not finish",
                "Wait for it, or close the other window or terminal",
            ) from None
        return lock

    def begin(self, plan: Plan, contents: Mapping[str, bytes]) -> Entry:
        """Write a plan down with the bytes of all its states. OSError: nothing was planned."""
        folder = self._folder / plan.id
        folder.mkdir(mode=0o700)
        for state, content in contents.items():
            _write(folder / state, content)
        told = {
            "version": _VERSION,
            "id": plan.id,
            "steps": [asdict(step) for step in plan.steps],
            "folders": plan.folders,
        }
        _write(folder / "plan.new", json.dumps(told).encode())
        _sync(folder)
        (folder / "plan.new").replace(folder / _PLAN)
        _sync(folder)
        _sync(self._folder)
        return Entry(folder)

    def entries(self) -> Sequence[Entry]:
        """What is left of earlier changes."""
        try:
            names = sorted(path for path in self._folder.iterdir() if re.fullmatch("[0-9a-f]{16}", path.name))
        except OSError:
            return []
        return [Entry(path) for path in names]


def _step(told: dict[str, Any]) -> Step:
    owner = told.pop("owner")
    return Step(**told, owner=None if owner is None else (int(owner[0]), int(owner[1])))


def new_id() -> str:
    """A name for a plan."""
    return secrets.token_hex(8)


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
