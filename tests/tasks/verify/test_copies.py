"""Throw-away copies: what is in them, what is not, and that they go."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from beastmode.tasks.verify import copies
from beastmode.tasks.verify.copies import CopyTooLarge, Limits, copy_of, sweep


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository."""
    root = tmp_path / "repository"
    write(
        root,
        {
            ".git/config": "x",
            ".gitignore": "*.log\nbuild/\n.venv/\nnode_modules/\n_version.py\n/data.bin\n",
            "src/a.py": "a = 1\n",
            "src/_version.py": "v = 1\n",
            "src/__pycache__/a.pyc": "x",
            "tests/data/table.csv": "1,2\n",
            "tests/certs/server.key": "made for tests",
            "package-lock.json": "{}",
            ".config/tool.toml": "x",
            "debug.log": "x",
            "data.bin": "x",
            "build/out.py": "x",
            ".env": "KEY=1",
            "deploy/id_rsa": "x",
            ".venv/pyvenv.cfg": "x",
            ".venv/lib/x.py": "x",
            "my env/pyvenv.cfg": "x",
            "my env/lib/x.py": "x",
        },
    )
    return root


async def test_a_copy_holds_what_tests_need(root: Path, tmp_path: Path) -> None:
    """Sources, data, lock files, hidden settings, generated modules; nothing ignored, no secret, no environment."""
    async with copy_of(root, tmp_path / "copies") as copy:
        assert files_of(copy.work) == {
            ".gitignore",
            "src/a.py",
            "src/_version.py",
            "tests/data/table.csv",
            "tests/certs/server.key",
            "package-lock.json",
            ".config/tool.toml",
        }
        assert dict(copy.left_out) == {".env": "it may hold secrets", "deploy/id_rsa": "it may hold secrets"}


async def test_changing_the_copy_changes_nothing_else(root: Path, tmp_path: Path) -> None:
    """Its files are its own, not links to the originals."""
    async with copy_of(root, tmp_path / "copies") as copy:
        with (copy.work / "src/a.py").open("a") as file:
            file.write("b = 2\n")
    assert (root / "src/a.py").read_text() == "a = 1\n"


async def test_packages_are_linked_and_own_packages_lead_to_the_copy(root: Path, tmp_path: Path) -> None:
    """A package of the workspace that is installed as a link must be the copied one: its faults are put there."""
    write(root, {"node_modules/left/index.js": "x", "node_modules/@a/b/index.js": "x", "packages/own/index.js": "x"})
    (root / "node_modules/own").symlink_to(root / "packages/own")
    write(root, {"node_modules/.bin/tool": "x", "node_modules/.cache/big": "x"})
    async with copy_of(root, tmp_path / "copies") as copy:
        packages = copy.work / "node_modules"
        assert not packages.is_symlink()
        assert (packages / "left").resolve() == root / "node_modules/left"
        assert (packages / "@a" / "b").resolve() == root / "node_modules/@a/b"
        assert (packages / "own").resolve() == copy.work / "packages/own"
        assert (packages / ".bin" / "tool").exists()
        assert not (packages / ".cache").exists()
        assert copy.linked == [root / "node_modules"]
    assert (root / "node_modules/left/index.js").read_text() == "x"


async def test_links_stay_within_the_copy(root: Path, tmp_path: Path) -> None:
    """A link to a file of the workspace leads to its copy; one that leads out is left out and named."""
    (root / "inside").symlink_to(root / "src/a.py")
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    async with copy_of(root, tmp_path / "copies") as copy:
        assert (copy.work / "inside").resolve() == copy.work / "src/a.py"
        assert not (copy.work / "outside").is_symlink()
        assert ("outside", "it links out of the workspace") in copy.left_out


async def test_the_caller_may_leave_out_more(root: Path, tmp_path: Path) -> None:
    """By the path below the workspace."""
    async with copy_of(root, tmp_path / "copies", is_ignored=lambda path: path.startswith("tests/")) as copy:
        assert not any(path.startswith("tests/data") for path in files_of(copy.work))


async def test_a_copy_is_gone_afterwards(root: Path, tmp_path: Path) -> None:
    """Whatever was done in it, even where a test took its own rights away."""
    folder = tmp_path / "copies"

    async def spoil() -> None:
        async with copy_of(root, folder) as copy:
            write(copy.work, {"locked/deep/file": "x"})
            (copy.work / "locked/deep").chmod(0o000)
            (copy.work / "locked").chmod(0o500)
            (copy.work / "to the original").symlink_to(root)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await spoil()
    assert list(folder.iterdir()) == []
    assert (root / "src/a.py").exists()


async def test_a_cancelled_copy_is_gone_too(root: Path, tmp_path: Path) -> None:
    """While it is used."""
    folder, started = tmp_path / "copies", asyncio.Event()

    async def use() -> None:
        async with copy_of(root, folder):
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(use())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(folder.iterdir()) == []


async def test_what_a_dead_process_left_is_swept_and_a_living_one_keeps_its_own(root: Path, tmp_path: Path) -> None:
    """By the lock that the system takes from the dead."""
    folder = tmp_path / "copies"
    code = f"""
import asyncio, os
from pathlib import Path
from beastmode.tasks.verify import copies
from beastmode.tasks.verify.copies import copy_of
async def main():
    async with copy_of(Path({str(root)!r}), Path({str(folder)!r})):
        os._exit(1)
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "server")}
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False, env=env)
    left = {path.name for path in folder.iterdir()}
    assert len(left) == 2
    async with copy_of(root, folder) as copy:
        assert left.isdisjoint(path.name for path in folder.iterdir())
        assert sweep(folder) == 0
        assert copy.work.is_dir()


async def test_a_workspace_that_is_too_large_is_named_with_its_heaviest_part(root: Path, tmp_path: Path) -> None:
    """And nothing of the copy is left."""
    write(root, {"videos/a.bin": "x" * 5000})
    for limits in (Limits(size=4000), Limits(files=3)):
        with pytest.raises(CopyTooLarge, match="too large") as caught:
            async with copy_of(root, tmp_path / "copies", limits=limits):
                pass
        assert ".gitignore" in caught.value.fix
    with pytest.raises(CopyTooLarge, match="videos"):
        async with copy_of(root, tmp_path / "copies", limits=Limits(size=4000)):
            pass
    assert list((tmp_path / "copies").iterdir()) == []


async def test_writing_into_a_copy_follows_no_link(root: Path, tmp_path: Path) -> None:
    """A program may have put a link where we write next."""
    victim = tmp_path / "victim"
    write(victim, {"file": "untouched"})
    async with copy_of(root, tmp_path / "copies") as copy:
        (copy.work / "src/a.py").unlink()
        (copy.work / "src/a.py").symlink_to(victim / "file")
        (copy.work / "linked").symlink_to(victim)
        copy.put("src/a.py", "new")
        copy.put("linked/file", "new")
        assert (copy.work / "src/a.py").read_text() == "new"
        assert (copy.work / "linked/file").read_text() == "new"
    assert (victim / "file").read_text() == "untouched"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "", "a\0b", "."])
async def test_a_path_that_leads_out_is_refused(root: Path, tmp_path: Path, path: str) -> None:
    """Whoever made it up."""
    async with copy_of(root, tmp_path / "copies") as copy:
        with pytest.raises(ValueError, match="no path below"):
            copy.put(path, "x")


async def test_who_leaves_while_a_copy_is_begun_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock is made in a thread, which a cancelled task must wait for."""
    begun, may_go_on, begin = asyncio.Event(), threading.Event(), copies._begin
    loop = asyncio.get_running_loop()

    def slowly(*given: Path) -> object:
        loop.call_soon_threadsafe(begun.set)
        may_go_on.wait()
        return begin(*given)

    monkeypatch.setattr(copies, "_begin", slowly)

    async def use() -> None:
        async with copy_of(root, tmp_path / "copies"):
            pass

    using = asyncio.create_task(use())
    await begun.wait()
    using.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    await asyncio.wait([using])
    assert using.cancelled()
    assert list((tmp_path / "copies").iterdir()) == []
