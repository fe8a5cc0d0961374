"""All or nothing, whatever happens in the middle."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.tasks.edits.trees import made, picture, texts

from beastmode.tasks.edits import (
    CannotWrite,
    Change,
    FileEdit,
    Guard,
    PathRefused,
    StaleFile,
    WorkspaceFiles,
    read_change,
    recover,
    write,
)
from beastmode.tasks.edits.write import recover_now, write_now

FILES = {"a.py": "a = 1\n", "b.py": "b = 1\r\n", "old.py": "gone\n", "move.py": "m = 1\n", "mode:move.py": "0o755"}
ANSWER = """
a.py
<<<<<<< SEARCH
a = 1
=======
a = 2
>>>>>>> REPLACE
b.py
<<<<<<< SEARCH
b = 1
=======
b = 2
>>>>>>> REPLACE
new/deep/c.py
<<<<<<< SEARCH
=======
c = 1
>>>>>>> REPLACE
DELETE FILE old.py
RENAME FILE move.py TO new/moved.py
"""
AFTER = {"a.py": b"a = 2\n", "b.py": b"b = 2\r\n", "new/deep/c.py": b"c = 1\n", "new/moved.py": b"m = 1\n"}
CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "fchmod", "close")


class Crash(BaseException):
    """The process is gone: nothing of it runs any more, no cleaning up either."""


Fault = Callable[[], BaseException]


@contextmanager
def failing(patch: pytest.MonkeyPatch, at: int, fault: Fault, *, goes_on: bool) -> Iterator[list[int]]:
    """The call number `at` to the file system raises; with `goes_on` false every later one does as well."""
    made_calls = [0]
    mine = threading.get_ident()

    def counted(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            is_lock = "filelock" in sys._getframe(1).f_code.co_filename  # a dead process holds none
            if threading.get_ident() == mine and not is_lock:
                made_calls[0] += 1
                if made_calls[0] == at or (made_calls[0] > at and not goes_on):
                    if name == "close":
                        real(*arguments, **named)  # as the end of a process does
                    raise fault()
            return None if name == "fsync" else real(*arguments, **named)

        return call

    with patch.context() as inner:
        for name in CALLS:
            inner.setattr(os, name, counted(name))
        yield made_calls


def changed(tmp_path: Path, change: Change | None = None) -> tuple[Path, Change]:
    root = made(tmp_path, FILES)
    return root, change or read_change(ANSWER, "search-replace", WorkspaceFiles(root), Guard.of(root))


def calls_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Change]:
    root, change = changed(tmp_path / "count")
    with failing(monkeypatch, -1, Crash, goes_on=True) as made_calls:
        write_now(change, root, tmp_path / "count" / "journal")
    assert texts(root) == AFTER
    return made_calls[0], change


async def test_everything_is_written(tmp_path: Path) -> None:
    """Made, changed, renamed and deleted; permissions and line ends stay; nothing is left over."""
    root, change = changed(tmp_path)
    await write(change, root, tmp_path / "journal")
    assert texts(root) == AFTER
    assert (root / "new" / "moved.py").stat().st_mode & 0o777 == 0o755
    assert await recover(root, tmp_path / "journal") == ()
    assert [path for path in (tmp_path / "journal").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_crash_at_any_call_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is as before or as after; then `recover` makes all of them the one or the other."""
    outcomes = set()
    calls, change = calls_of_a_write(tmp_path, monkeypatch)
    for at in range(1, calls + 1):
        place = tmp_path / str(at)
        root, _ = changed(place, change)
        before = picture(root)
        with failing(monkeypatch, at, Crash, goes_on=False), pytest.raises(Crash):
            write_now(change, root, place / "journal")
        for path, content in texts(root).items():
            if not path.rpartition("/")[2].startswith(".beastmode-"):
                whole = {before.get(path, (0, b"?"))[1], AFTER.get(path, b"?")}
                assert content in whole, (at, path)

        recover_now(root, place / "journal")

        is_done = texts(root) == AFTER
        assert is_done or picture(root) == before, at
        assert recover_now(root, place / "journal") == ()
        outcomes.add(is_done)
    assert outcomes == {True, False}


def test_a_crash_while_recovering_is_no_harm_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery can itself be interrupted anywhere, and begun again."""
    calls, change = calls_of_a_write(tmp_path, monkeypatch)
    for at in range(1, 60, 3):
        place = tmp_path / str(at)
        root, _ = changed(place, change)
        before = picture(root)
        with failing(monkeypatch, calls * 2 // 3, Crash, goes_on=False), pytest.raises(Crash):
            write_now(change, root, place / "journal")
        with failing(monkeypatch, at, Crash, goes_on=False), suppress(Crash):
            recover_now(root, place / "journal")
        recover_now(root, place / "journal")
        assert texts(root) == AFTER or picture(root) == before


def test_an_error_at_any_call_takes_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at any moment: the change is whole, or nothing of it is there and the error says so."""
    full = lambda: OSError(errno.ENOSPC, "No space left on device")  # noqa: E731 - one word for one thing
    refused = 0
    calls, change = calls_of_a_write(tmp_path, monkeypatch)
    for at in range(1, calls + 1):
        place = tmp_path / str(at)
        root, _ = changed(place, change)
        before = picture(root)
        with failing(monkeypatch, at, full, goes_on=True):
            try:
                write_now(change, root, place / "journal")
            except CannotWrite:
                refused += 1
        recover_now(root, place / "journal")
        assert texts(root) == AFTER or picture(root) == before, at
    assert refused > 20


@pytest.mark.parametrize("path", ["a.py", "b.py", "old.py", "move.py"])
async def test_a_newer_file_is_never_overwritten(tmp_path: Path, path: str) -> None:
    """What changed on disk since the change was made keeps all of it from being written, and is named."""
    root, change = changed(tmp_path)
    (root / path).write_text("newer\n")
    before = picture(root)
    with pytest.raises(StaleFile, match=f"{path} changed on disk"):
        await write(change, root, tmp_path / "journal")
    assert picture(root) == before


async def test_a_deleted_file_does_not_come_back(tmp_path: Path) -> None:
    """A file that is gone is newer than the change."""
    root, change = changed(tmp_path)
    (root / "a.py").unlink()
    with pytest.raises(StaleFile, match="was deleted"):
        await write(change, root, tmp_path / "journal")


@pytest.mark.parametrize("path", ["new/deep/c.py", "new/moved.py"])
async def test_a_file_made_meanwhile_is_never_overwritten(tmp_path: Path, path: str) -> None:
    """A new file's place that is taken by now is left to whoever took it."""
    root, change = changed(tmp_path)
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text("mine\n")
    before = picture(root)
    with pytest.raises(StaleFile, match="was made in the meantime"):
        await write(change, root, tmp_path / "journal")
    assert picture(root) == before


@pytest.mark.parametrize("path", ["b.py", "old.py", "move.py"])
def test_a_file_saved_between_the_look_and_the_deed_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A save in the middle of writing: that file is kept as it was saved, and the others go back."""
    root, change = changed(tmp_path)
    real = os.link

    def link(*arguments: object, **named: object) -> None:
        real(*arguments, **named)  # type: ignore[arg-type] # passed on as it came
        (root / path).write_text("saved\n")

    monkeypatch.setattr(os, "link", link)
    before = texts(root)
    with pytest.raises(StaleFile, match=path):
        write_now(change, root, tmp_path / "journal")
    assert texts(root) == {**before, path: b"saved\n"}


async def test_the_next_write_finishes_what_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to call `recover` for a later change to find whole files."""
    root = interrupted(tmp_path, monkeypatch)
    await write(Change((FileEdit("later.py", "create", "x\n"),), ""), root, tmp_path / "journal")
    assert texts(root) == {**AFTER, "later.py": b"x\n"}


@pytest.mark.parametrize("when", ["file", "folder"])
async def test_a_link_that_comes_in_between_is_not_followed(tmp_path: Path, when: str) -> None:
    """Between the reading and the writing a file or its folder turned into a link out."""
    root = made(tmp_path, {"src/a.py": "precious\n"})
    answer = "src/a.py\n<<<<<<< SEARCH\nprecious\n=======\nevil\n>>>>>>> REPLACE\n"
    change = read_change(answer, "search-replace", WorkspaceFiles(root), Guard.of(root))
    outside = tmp_path / "outside"
    (outside / "a.py").write_text("precious\n")
    (root / "src" / "a.py").unlink()
    if when == "file":
        (root / "src" / "a.py").symlink_to(outside / "a.py")
    else:
        (root / "src").rmdir()
        (root / "src").symlink_to(outside)
    with pytest.raises((CannotWrite, StaleFile)):
        await write(change, root, tmp_path / "journal")
    assert (outside / "a.py").read_text() == "precious\n"


async def test_a_change_made_by_hand_is_judged_as_well(tmp_path: Path) -> None:
    """`write` does not trust that its change came from `read_change`."""
    root = made(tmp_path, {})
    for path in ("../outside/new.txt", "/etc/new", ".git/hooks/x"):
        with pytest.raises(PathRefused):
            await write(Change((FileEdit(path, "create", "evil\n"),), ""), root, tmp_path / "journal")
    with pytest.raises(CannotWrite):
        await write(Change((FileEdit("way_out/new.txt", "create", "evil\n"),), ""), root, tmp_path / "journal")


@pytest.mark.parametrize(("call", "at"), [("link", "c.py"), ("unlink", "old.py"), ("unlink", "move.py")])
async def test_cancelled_in_the_middle_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: str
) -> None:
    """Whoever cancels a write finds the files as they were: at its first step, in between, and at its last."""
    root, change = changed(tmp_path)
    before, half, go_on = picture(root), threading.Event(), threading.Event()
    real = getattr(os, call)

    def slow(*arguments: object, **named: object) -> None:
        real(*arguments, **named)
        if at in arguments and not half.is_set():
            half.set()
            assert go_on.wait(10)

    monkeypatch.setattr(os, call, slow)
    task = asyncio.create_task(write(change, root, tmp_path / "journal"))
    assert await asyncio.to_thread(half.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert picture(root) == before


def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which everything up to a.py was done, and b.py and the deletions were not."""
    root, change = changed(tmp_path)
    real, calls = os.replace, [0]

    def replace(*arguments: object, **named: object) -> None:
        calls[0] += 1
        if calls[0] == 3:  # the plan, a.py, b.py
            raise Crash
        real(*arguments, **named)  # type: ignore[arg-type] # passed on as it came

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Crash):
            write_now(change, root, tmp_path / "journal")
    return root


async def test_recovery_gives_way_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was still to come was edited after the crash: it stays, and the rest goes back."""
    root = interrupted(tmp_path, monkeypatch)
    (root / "b.py").write_text("mine\n")
    (notice,) = await recover(root, tmp_path / "journal")
    assert "has been taken back, because b.py changed since" in notice
    assert texts(root) == {"a.py": b"a = 1\n", "b.py": b"mine\n", "old.py": b"gone\n", "move.py": b"m = 1\n"}
    assert not (root / "new").exists()


async def test_recovery_touches_nothing_where_both_sides_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A written file and one that was still to come were edited after the crash: all stay as they are."""
    root = interrupted(tmp_path, monkeypatch)
    (root / "b.py").write_text("mine\n")
    (root / "new" / "deep" / "c.py").write_text("c = 1  # mine\n")
    before = texts(root)
    (notice,) = await recover(root, tmp_path / "journal")
    assert "every file was left as it is" in notice
    assert texts(root) == {path: text for path, text in before.items() if ".beastmode-" not in path}


async def test_a_damaged_journal_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is not acted upon, and not thrown away."""
    root = interrupted(tmp_path, monkeypatch)
    (plan,) = (tmp_path / "journal").rglob("plan.json")
    plan.write_text(plan.read_text().replace('"a.py"', '"../outside/precious.txt"'))
    before = texts(root)
    (notice,) = await recover(root, tmp_path / "journal")
    assert "journal is damaged" in notice
    assert texts(root) == before
    assert len(list((tmp_path / "journal").rglob("*.kept"))) == 1


CHILD = """
import os, signal, sys
from pathlib import Path
from beastmode.tasks.edits import Guard, WorkspaceFiles, read_change
from beastmode.tasks.edits.write import write_now
root, journal, answer = map(Path, sys.argv[1:4])
change = read_change(answer.read_text(), "search-replace", WorkspaceFiles(root), Guard.of(root))
real, left = os.replace, [int(sys.argv[4])]
def replace(*arguments, **named):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments, **named)
os.replace = replace
write_now(change, root, journal)
"""


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_process_leaves_whole_files(tmp_path: Path, number: int) -> None:
    """`kill -9` before the plan, before a.py and before b.py: the next process has nothing to do, or finishes it."""
    root, _ = changed(tmp_path)
    before = picture(root)
    (tmp_path / "answer").write_text(ANSWER)
    arguments = [str(root), str(tmp_path / "journal"), str(tmp_path / "answer"), str(number)]
    server = str(Path(__file__).parents[3] / "server")
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments],
        env={**os.environ, "PYTHONPATH": server},
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL
    assert (root / "a.py").read_bytes() == (b"a = 2\n" if number == 3 else b"a = 1\n")
    assert (root / "b.py").read_bytes() == b"b = 1\r\n"

    notices = recover_now(root, tmp_path / "journal")

    if number == 1:
        assert (notices, picture(root)) == ((), before)
    else:
        assert ["has now been finished" in notice for notice in notices] == [True]
        assert texts(root) == AFTER
