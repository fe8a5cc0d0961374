"""What is in an index, and that it follows the workspace."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.context.index.conftest import Workspace

from beastmode.context.index import Index, forget
from beastmode.context.index.builder import Builder, Limits
from beastmode.context.index.places import mark_file
from beastmode.context.index.walk import walk

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="file names and modes of POSIX")


async def test_it_follows_the_workspace(workspace: Workspace) -> None:
    """New, changed, renamed and deleted files; and nothing is read twice."""
    workspace.write("a.py", "def apple(): pass\n")
    workspace.write("sub/b.py", "def banana(): pass\n")
    workspace.update()
    assert await workspace.paths("apple", "banana") == {"a.py", "sub/b.py"}
    idle = workspace.update()
    workspace.write("a.py", "def apricot(): pass\n")
    (workspace.root / "sub" / "b.py").rename(workspace.root / "sub" / "c.py")
    assert workspace.update() == idle + 3  # two read, one forgotten
    assert await workspace.paths("apple") == set()
    assert await workspace.paths("apricot", "banana") == {"a.py", "sub/c.py"}
    (workspace.root / "sub" / "c.py").unlink()
    workspace.update()
    assert await workspace.paths("banana") == set()
    assert await workspace.index.definitions(["banana"], limit=5) == []


async def test_a_touched_file_is_read_at_once(workspace: Workspace) -> None:
    """Without a look at the rest; one that is ignored, gone or elsewhere is not kept."""
    inside = workspace.write("a.py", "def apple(): pass\n")
    workspace.touch(inside)
    assert await workspace.paths("apple") == {"a.py"}
    outside = workspace.root.parent / "b.py"
    outside.write_text("def banana(): pass\n")
    workspace.touch(outside)
    workspace.touch(workspace.root / ".." / "b.py")
    workspace.write(".gitignore", "c/\n")
    workspace.touch(workspace.write("c/d.py", "def cherry(): pass\n"))
    inside.unlink()
    workspace.touch(inside)
    assert await workspace.paths("apple", "banana", "cherry") == set()


async def test_secrets_are_never_kept(workspace: Workspace) -> None:
    """Neither in the files that hold them nor in code; not a byte of them is in the index folder."""
    workspace.write(".env", "TOKEN=topsecret1\n")
    workspace.write("deploy/id_rsa", "topsecret2\n")
    workspace.write("conf/credentials.json", '{"a": "topsecret3"}\n')
    key = "-----BEGIN PRIVATE KEY-----\ntopsecret4\n-----END PRIVATE KEY-----"
    workspace.write("fixture.py", f'def harmless(): pass\n\nKEY = """{key}"""\n')
    workspace.write(".beastmodeignore", "!.env\n!id_rsa\n")
    workspace.update()
    assert await workspace.paths(*(f"topsecret{n}" for n in range(1, 5))) == set()
    assert await workspace.paths("token", "deploy", "credentials") == set()
    assert await workspace.index.definitions(["KEY"], limit=5) == []


async def test_what_becomes_secret_leaves_nothing_behind(workspace: Workspace) -> None:
    """A file that was indexed and is ignored now is gone from search and from the bytes of the database."""
    workspace.write("a.py", "zebrafish = 1\n")
    for number in range(20):
        workspace.write(f"b{number}.py", "other = 1\n")
    workspace.update()
    workspace.write(".gitignore", "a.py\n")
    workspace.update()
    assert await workspace.paths("zebrafish") == set()
    await workspace.index.aclose()
    assert b"zebrafish" not in workspace.file.read_bytes()


@posix
async def test_links_lead_nowhere(workspace: Workspace, tmp_path: Path) -> None:
    """A symbolic link to a file, to a folder outside or to the folder itself is not followed; nor is a pipe read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text("def elsewhere(): pass\n")
    (workspace.root / "folder").symlink_to(outside)
    (workspace.root / "file.py").symlink_to(outside / "x.py")
    (workspace.root / "loop").symlink_to(workspace.root)
    os.mkfifo(workspace.root / "pipe.py")
    workspace.write("here.py", "def here(): pass\n")
    workspace.update()
    workspace.touch(workspace.root / "folder" / "x.py")
    workspace.touch(workspace.root / "file.py")
    workspace.touch(workspace.root / "pipe.py")
    assert await workspace.paths("elsewhere", "here") == {"here.py"}


@posix
async def test_names_of_any_bytes(workspace: Workspace) -> None:
    """Newlines and invalid UTF-8 in names harm nothing, and never come out as they are."""
    for number, name in enumerate((b"new\nline.py", b"inv\xffalid.py", "emoji-\U0001f600.py".encode())):
        workspace.write(name, f"def odd_{number}(): pass\n")
    workspace.update()
    assert await workspace.paths("odd") == {"new�line.py", "inv�alid.py", "emoji-\U0001f600.py"}
    (workspace.root / os.fsdecode(b"inv\xffalid.py")).unlink()
    workspace.update()
    assert await workspace.paths("odd_1") == {"new�line.py", "emoji-\U0001f600.py"}


async def test_what_is_no_text_that_somebody_wrote(workspace: Workspace) -> None:
    """Binary, minified, generated and huge files are left out, and it is known why."""
    workspace.write("a.py", b"needle = '\x00'\n")
    workspace.write("b.js", "needle;" * 2_000)
    workspace.write("c.go", "// Code generated by protoc. DO NOT EDIT.\npackage needle\n")
    workspace.write("d.py", "needle = 1\n" * 60_000)
    workspace.write("venv37/pyvenv.cfg", "")
    workspace.write("venv37/e.py", "needle = 1\n")
    workspace.write("f.py", "needle = 1\n")
    workspace.update()
    assert await workspace.paths("needle") == {"f.py"}
    figures = await workspace.index.figures()
    assert dict(figures.left_out) == {"binary": 1, "generated": 1, "minified": 1, "too large": 1}


async def test_it_never_grows_beyond_its_limits(workspace: Workspace) -> None:
    """Neither in files nor in bytes; when there is room again, what was left out comes in."""
    for number in range(6):
        workspace.write(f"f{number}.py", f"needle = {number}\n" * 10)
    workspace.update(Limits(files=4))
    assert len(await workspace.paths("needle")) == 4
    forget(workspace.root, workspace.folder)
    workspace.update(Limits(total_bytes=250))
    assert len(await workspace.paths("needle")) == 2
    workspace.update(Limits(total_bytes=25_000))
    assert len(await workspace.paths("needle")) == 6


@posix
async def test_nobody_else_can_read_it(workspace: Workspace) -> None:
    """The folder is 0700, each file in it 0600, whatever the umask."""
    before = os.umask(0)
    try:
        workspace.write("a.py")
        builder = Builder(workspace.root, workspace.file)
        for _ in builder.update():
            pass
        modes = {path.name[-4:]: path.stat().st_mode & 0o777 for path in workspace.folder.iterdir()}
        builder.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4  # the file, two journals, the mark
    assert workspace.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", ["header", "middle", "version", "empty"])
async def test_one_that_cannot_be_used_is_built_again(workspace: Workspace, damage: str) -> None:
    """A damaged file and one of another version: readers find nothing, the next update everything."""
    for number in range(20):
        workspace.write(f"f{number}.py", f"needle_{number} = 'x'\n" * 50)
    workspace.update()
    if damage == "version":
        with closing(sqlite3.connect(workspace.file)) as database, database:
            database.execute("UPDATE facts SET value = '0' WHERE name = 'made by'")
    else:
        data = bytearray(workspace.file.read_bytes())
        if damage == "header":
            data[:100] = b"x" * 100
        elif damage == "middle":
            data[4096:] = b"x" * (len(data) - 4096)
        else:
            data.clear()
        workspace.file.write_bytes(data)
    assert await workspace.paths("needle") == set()
    workspace.update()
    assert len(await workspace.paths("needle")) == 20


async def test_a_file_that_kills_is_left_out_the_third_time(workspace: Workspace) -> None:
    """Whoever dies twice of the same content of a file is not asked to read it again; a change gives a new chance."""
    workspace.write("a.py", "apple = 1\n")
    for _ in range(2):
        builder = Builder(workspace.root, workspace.file)
        (found,) = [each for each in walk(workspace.root) if each]
        mark_file(workspace.file).write_text(f"died in a.py {found.size} {found.stamp}")
        builder.close()
    workspace.update()
    assert await workspace.paths("apple") == set()
    workspace.write("a.py", "apple = 12\n")
    workspace.update()
    assert await workspace.paths("apple") == {"a.py"}


async def test_a_workspace_that_is_not_there_now_is_not_forgotten(workspace: Workspace) -> None:
    """A disk that is unplugged takes its index back when it returns."""
    workspace.write("a.py", "apple = 1\n")
    workspace.update()
    away = workspace.root.with_name("away")
    workspace.root.rename(away)
    workspace.update()
    away.rename(workspace.root)
    assert await workspace.paths("apple") == {"a.py"}


changes = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(("", "alpha beta", "getUserName alpha", "-" * 9, "βήτα δέλτα"))),
    min_size=1,
    max_size=8,
)


@given(changes)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_changes_lead_to_the_index_of_the_result(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    """Updates after each change leave the words that one look at the end would find, and no trace of others."""
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    fresh = Index(workspace.root, workspace.folder.with_name("fresh"), limit_s=30.0)
    changing = Builder(workspace.root, workspace.file)
    for name, text in steps:
        path = workspace.root / f"{name}.py"
        if text:
            path.write_text(text)
        else:
            path.unlink(missing_ok=True)
        changing.touch(path)
    changing.close()
    builder = Builder(workspace.root, fresh.file)
    for _ in builder.update():
        pass
    builder.close()
    for word in ("alpha", "beta", "user", "getUserName", "δέλτα"):
        found = {(c.path, c.text, round(c.score, 6)) for c in await workspace.index.search([word], limit=9)}
        assert found == {(c.path, c.text, round(c.score, 6)) for c in await fresh.search([word], limit=9)}
    await fresh.aclose()
    await workspace.index.aclose()
