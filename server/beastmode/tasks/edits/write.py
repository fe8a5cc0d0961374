"""A change goes to disk as a whole or not at all, whatever happens meanwhile: a newer file, a full disk, a crash."""

from __future__ import annotations

import asyncio
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from beastmode.tasks.edits.disk import Disk, Rights
from beastmode.tasks.edits.encoding import checksum, encode
from beastmode.tasks.edits.errors import CannotApply, CannotWrite, StaleFile, shown
from beastmode.tasks.edits.guard import checked_words
from beastmode.tasks.edits.journal import Damaged, Journal, Plan, Step, new_id

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.tasks.edits.change import Change
    from beastmode.tasks.edits.journal import Entry


class _Stopped(Exception):
    """The caller went away."""


async def write(change: Change, root: Path, journal_dir: Path) -> None:
    """Make a change, all of it or nothing. Cancelled in the middle, it is taken back first.

    Args:
        change: as `read_change` gave it.
        root: the workspace's folder.
        journal_dir: where the change is written down first; outside of the workspace, private.

    Raises:
        StaleFile: a file is no longer what the change was made for.
        CannotWrite: the system refuses.
        CannotApply: a path cannot be written to.
    """
    stop = threading.Event()
    job = asyncio.ensure_future(asyncio.to_thread(write_now, change, root, journal_dir, stop))
    try:
        await asyncio.shield(job)
    except asyncio.CancelledError:
        stop.set()
        with suppress(_Stopped, StaleFile, CannotWrite, CannotApply):
            await job
        raise


def write_now(change: Change, root: Path, journal_dir: Path, stop: threading.Event | None = None) -> None:
    """The same for a thread; `stop` takes it back."""
    try:
        journal, disk = Journal(root, journal_dir), Disk(root)
        with journal.lock():
            _recover(journal, disk)
            plan, contents = _planned(change, disk)
            _check_before(plan, disk)
            entry = journal.begin(plan, contents)
            try:
                _forward(plan, entry, disk, stop or threading.Event())
            except (OSError, StaleFile, _Stopped, Damaged) as error:
                _take_back(plan, entry, disk, error)
                raise
            entry.close()
    except (OSError, Damaged) as error:
        raise CannotWrite(
            f"The change cannot be written: {getattr(error, 'strerror', None) or error}"
            + (f" ({shown(str(error.filename))})" if isinstance(error, OSError) and error.filename else ""),
            "Nothing was changed; look at the rights of the folder and the room on the disk",
        ) from error


async def recover(root: Path, journal_dir: Path) -> tuple[str, ...]:
    """Finish or take back what a crash interrupted; call it before anything else is done in a workspace.

    Returns:
        What was done, a sentence for each change that was interrupted.

    Raises:
        CannotWrite: the system refuses; what was interrupted stays written down.
    """
    return await asyncio.to_thread(recover_now, root, journal_dir)


def recover_now(root: Path, journal_dir: Path) -> tuple[str, ...]:
    """The same for a thread."""
    try:
        journal = Journal(root, journal_dir)
        if not journal.entries():
            return ()
        with journal.lock():
            return _recover(journal, Disk(root))
    except OSError as error:
        raise CannotWrite(
            f"A change that was interrupted cannot be finished: {error.strerror or error}",
            f"It is kept in {journal_dir}; look at the rights of the workspace and the room on the disk",
        ) from error


def _planned(change: Change, disk: Disk) -> tuple[Plan, dict[str, bytes]]:
    """Made before changed before deleted, so that no moment lacks a file that is only moved."""
    steps: dict[str, list[Step]] = {"make": [], "change": [], "delete": []}
    contents: dict[str, bytes] = {}

    def state(content: bytes) -> str:
        contents[checksum(content)] = content
        return checksum(content)

    for edit in change.edits:
        path = checked_words(edit.path)
        old = disk.read(path)
        if (None if old is None else checksum(old)) != edit.checksum:
            raise StaleFile(path, "was made in the meantime" if edit.checksum is None else _since(old))
        before = None if old is None else state(old)
        after = None if edit.text is None else state(encode(edit.text, old))
        facts = disk.facts(path)
        mode = None if facts is None else stat.S_IMODE(facts.st_mode)
        owner = None if facts is None else (facts.st_uid, facts.st_gid)
        if edit.new_path is not None:
            steps["make"].append(Step(checked_words(edit.new_path), None, after, mode, owner))
            steps["delete"].append(Step(path, before, None, mode, owner))
        elif before is None:
            steps["make"].append(Step(path, None, after))
        else:
            steps["delete" if after is None else "change"].append(Step(path, before, after, mode, owner))
    ordered = tuple(step for kind in steps.values() for step in kind)
    folders = {folder: None for step in steps["make"] for folder in disk.missing_folders(step.path)}
    return Plan(new_id(), ordered, tuple(folders)), contents


def _since(old: bytes | None) -> str:
    return "was deleted since the change to it was made" if old is None else "changed on disk since the change was made"


def _check_before(plan: Plan, disk: Disk) -> None:
    """What can be known beforehand to fail fails before anything is written down."""
    for step in plan.steps:
        facts = disk.facts(step.path)
        if step.before is None:
            if facts is not None:
                raise StaleFile(step.path, "was made in the meantime")
        elif facts is not None and not facts.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise CannotWrite(f"{step.path} is read-only", f"Make it writable first: chmod u+w {step.path}")


def _forward(plan: Plan, entry: Entry, disk: Disk, stop: threading.Event) -> None:
    for folder in plan.folders:
        disk.make_folder(folder)
    for number, step in enumerate(plan.steps):
        if stop.is_set():
            raise _Stopped
        _do(step, number, plan, entry, disk)
    if stop.is_set():
        raise _Stopped


def _take_back(plan: Plan, entry: Entry, disk: Disk, cause: Exception) -> None:
    try:
        _backward(plan, len(plan.steps), entry, disk)
        entry.close()
    except (OSError, StaleFile, Damaged) as error:
        raise CannotWrite(
            f"The change was interrupted ({cause}) and cannot be taken back yet ({error})",
            "It is written down, and finished or taken back at the next start",
        ) from cause


def _backward(plan: Plan, done: int, entry: Entry, disk: Disk) -> None:
    """Take back the first `done` steps, as far as they were done; what somebody else changed since is left alone."""
    for number in reversed(range(len(plan.steps))):
        step = plan.steps[number]
        disk.remove(_staged(step, number, plan))
        if number < done and step.before != step.after and _state(step, disk) == step.after:
            _do(step.back, number, plan, entry, disk)
    for folder in reversed(plan.folders):
        disk.remove_folder(folder)


def _do(step: Step, number: int, plan: Plan, entry: Entry, disk: Disk) -> None:
    """One step; nothing where it was done already. Raises StaleFile where the file is in neither of its states."""
    state = _state(step, disk)
    if state == step.after:
        return
    if state != step.before:
        raise StaleFile(step.path)
    if step.after is None:
        disk.remove(step.path)
        return
    staged = _staged(step, number, plan)
    disk.remove(staged)
    name = staged.rpartition("/")[2]
    disk.stage(step.path, name, entry.content(step.after), Rights(step.mode, step.owner))
    if step.before is None:
        disk.place(step.path, name)
    else:
        if _state(step, disk) != step.before:
            raise StaleFile(step.path)
        disk.replace(step.path, name)


def _state(step: Step, disk: Disk) -> str | None:
    content = disk.read(step.path)
    return None if content is None else checksum(content)


def _staged(step: Step, number: int, plan: Plan) -> str:
    folder, slash, _ = step.path.rpartition("/")
    return f"{folder}{slash}.beastmode-{plan.id}-{number}.tmp"


def _recover(journal: Journal, disk: Disk) -> tuple[str, ...]:
    notices = []
    for entry in journal.entries():
        if not entry.is_planned:
            entry.close()
            continue
        try:
            notices.append(_finish(entry.plan(), entry, disk))
        except Damaged as error:
            notices.append(f"A change was interrupted and its journal is damaged ({shown(str(error))}): "
                           f"nothing was touched, and it is kept as {entry.set_aside()}")  # fmt: skip
        else:
            entry.close()
    return tuple(notices)


def _finish(plan: Plan, entry: Entry, disk: Disk) -> str:
    """Go on where the process died, or back where somebody changed a file since that was still to come.

    Steps are done in order, so the last one that is done tells which were to come.
    """
    states = [_state(step, disk) for step in plan.steps]
    for state in {each for step in plan.steps for each in (step.before, step.after)} - {None}:
        entry.content(state or "")
    done = max((n + 1 for n, step in enumerate(plan.steps) if states[n] == step.after != step.before), default=0)
    names = ", ".join(step.path for step in plan.steps)
    to_come = [n for n in range(done, len(plan.steps)) if states[n] not in {plan.steps[n].before, plan.steps[n].after}]
    edited = [n for n in range(done) if states[n] != plan.steps[n].after]
    if not to_come:
        for number in range(done, len(plan.steps)):
            _make_room(plan, disk)
            _do(plan.steps[number], number, plan, entry, disk)
        _sweep(plan, disk)
        return f"A change of {names} was interrupted and has now been finished"
    changed = ", ".join(plan.steps[n].path for n in [*edited, *to_come])
    if edited:
        _sweep(plan, disk)
        return f"A change of {names} was interrupted; {changed} changed since, so every file was left as it is"
    _backward(plan, done, entry, disk)
    return f"A change of {names} was interrupted and has been taken back, because {changed} changed since"


def _make_room(plan: Plan, disk: Disk) -> None:
    for folder in plan.folders:
        disk.make_folder(folder)


def _sweep(plan: Plan, disk: Disk) -> None:
    """No staged file stays behind."""
    for number, step in enumerate(plan.steps):
        disk.remove(_staged(step, number, plan))
