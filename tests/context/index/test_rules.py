"""Ignore files: git is the judge."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beastmode.context.index.rules import Rules
from beastmode.context.index.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("a", "b", "ab", "a.py", "b.txt", "A")
GIT = shutil.which("git")

segment = st.sampled_from(("a", "b", "ab", "a.py", "*", "*.py", "a*", "?", "[ab]", "**", "[!a]", "\\a", "b.*", "!"))
pattern = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(("", "", "", "!", "\\!", "#")),
        st.sampled_from(("", "", "/")),
        st.lists(segment, min_size=1, max_size=3).map("/".join),
        st.sampled_from(("", "", "/")),
        st.sampled_from(("", "", " ", "\r")),
    ),
)
ignore_file = st.lists(pattern, min_size=1, max_size=4).map(lambda lines: "\n".join((*lines, "")))
folder = st.lists(st.sampled_from(NAMES[:3]), max_size=2).map("/".join)


@pytest.fixture(scope="module")
def empty_repository() -> Iterator[Path]:
    assert GIT is not None, "git is needed to compare with"
    with TemporaryDirectory() as base:
        root = Path(base).resolve() / "repository"
        subprocess.run([GIT, "init", "-q", root], check=True, env=_environment())
        yield root


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}


def ignored_by_git(root: Path, paths: list[str]) -> set[str]:
    assert GIT is not None
    command = [GIT, "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(
        command, cwd=root, input="\0".join(paths).encode(), capture_output=True, check=False, env=_environment()
    )
    assert done.returncode in {0, 1}, done.stderr
    return {path for path in done.stdout.decode().split("\0") if path}


@given(
    st.dictionaries(folder, ignore_file, min_size=1, max_size=3),
    st.one_of(st.just(""), ignore_file),
    st.sets(st.tuples(folder, st.sampled_from(NAMES[3:])), min_size=3, max_size=8),
)
@example({"": "*\n!*/\n!*.py\n"}, "", {("a", "b.txt"), ("a", "a.py"), ("", "b.txt")})
@example({"": "a/*\n!a/b\n"}, "b.txt\n", {("a/b", "b.txt"), ("a/b", "a.py"), ("a", "a.py")})
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_ignored_is_what_git_ignores(
    empty_repository: Path, ignores: dict[str, str], exclude: str, files: set[tuple[str, str]]
) -> None:
    """On any tree with any nested .gitignore files, the walk gives exactly the files that git does not ignore."""
    root = empty_repository
    (root / ".git" / "info" / "exclude").write_text(exclude)
    try:
        for where, text in ignores.items():
            (root / where).mkdir(parents=True, exist_ok=True)
            (root / where / ".gitignore").write_text(text, newline="")
        paths = []
        for where, name in files:
            (root / where).mkdir(parents=True, exist_ok=True)
            (root / where / name).write_text("x")
            paths.append(f"{where}/{name}".removeprefix("/"))
        kept = {os.fsdecode(found.key) for found in walk(root) if found}
        assert {path for path in paths if path not in kept} == ignored_by_git(root, paths)
    finally:
        for entry in root.iterdir():
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@pytest.mark.parametrize(
    ("name", "is_folder", "ignored"),
    [
        ("node_modules", True, True),
        (".git", True, True),
        (".github", True, False),
        ("package-lock.json", False, True),
        ("jquery.min.js", False, True),
        ("logo.png", False, True),
        ("src", True, False),
        ("build", False, False),
        ("build", True, True),
    ],
)
def test_what_is_never_worth_it(tmp_path: Path, name: str, *, is_folder: bool, ignored: bool) -> None:
    """Other people's code and what tools wrote stay out with no ignore file at all."""
    assert Rules.of_root(tmp_path).ignores(name, is_folder=is_folder) is ignored


def test_our_own_file_has_the_last_word(tmp_path: Path) -> None:
    """.beastmodeignore brings back what the others leave out, even `dist`; .ignore goes before .gitignore."""
    (tmp_path / ".gitignore").write_text("*.log2\n*.gen\n")
    (tmp_path / ".ignore").write_text("!*.gen\n*.md\n")
    (tmp_path / ".beastmodeignore").write_text("!dist/\n!*.md\nprivate\n")
    rules = Rules.of_root(tmp_path)
    left = {name for name in ("a.log2", "a.gen", "a.md", "private") if rules.ignores(name, is_folder=False)}
    assert left == {"a.log2", "private"}
    assert not rules.ignores("dist", is_folder=True)


def test_a_workspace_inside_a_repository_has_its_rules(tmp_path: Path) -> None:
    """The ignore files above the workspace count, up to the repository's top, and info/exclude of a work tree."""
    real = tmp_path / "real"
    (real / "worktrees" / "w" / "x").mkdir(parents=True)
    (real / "info").mkdir()
    (real / "info" / "exclude").write_text("excluded\n")
    (real / "worktrees" / "w" / "commondir").write_text("../..\n")
    top = tmp_path / "top"
    (top / "sub" / "work").mkdir(parents=True)
    (top / ".git").write_text(f"gitdir: {real / 'worktrees' / 'w'}\n")
    (top / ".gitignore").write_text("/sub/work/gone\n")
    rules = Rules.of_root(top / "sub" / "work")
    assert [name for name in ("excluded", "gone", "kept") if rules.ignores(name, is_folder=False)] == [
        "excluded",
        "gone",
    ]
