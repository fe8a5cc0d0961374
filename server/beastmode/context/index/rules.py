"""Which entries of a folder the user's ignore files leave out, with git's meaning of their patterns.

`.beastmodeignore` has the last word, even over what is always left out (`skipped.py`); then `.ignore`; then
`.gitignore` and `.git/info/exclude`. Within a kind the file nearest to the entry decides, within a file its last
pattern that fits. The tree is asked from the root down and an ignored folder is never entered, as git does it; so a
pattern has to fit an entry itself, never something above it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from beastmode.context.index.places import read_regular
from beastmode.context.index.skipped import always_skipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KINDS = (".beastmodeignore", ".ignore", ".gitignore")
_LONGEST = 1_000_000
"""Bytes of an ignore file that are read."""


class _Pattern(NamedTuple):
    """One line of an ignore file."""

    regex: re.Pattern[str]
    ignores: bool
    folders_only: bool

    def fits(self, path: str, is_folder: bool) -> bool:  # noqa: FBT001  # a fact, not a switch
        if self.folders_only and not is_folder:
            return False
        # The library's expressions also fit whatever lies below; only those without a group are meant to.
        return (self.regex.fullmatch(path) if self.regex.groups else self.regex.search(path)) is not None


@dataclass(frozen=True, slots=True)
class _File:
    """The patterns of one ignore file, last first, and the way from its folder to the one that is asked about."""

    patterns: tuple[_Pattern, ...]
    way: str = ""

    def verdict(self, name: str, is_folder: bool) -> bool | None:  # noqa: FBT001  # as above
        path = self.way + name
        return next((pattern.ignores for pattern in self.patterns if pattern.fits(path, is_folder)), None)


class Rules:
    """What is left out of one folder.

    Args:
        folder: its absolute path.
        kinds: for each kind of ignore file those that count here, the nearest first.
    """

    def __init__(self, folder: Path, kinds: tuple[tuple[_File, ...], ...]) -> None:
        self.folder = folder
        self._kinds = kinds

    @classmethod
    def of_root(cls, root: Path) -> Rules:
        """The rules of a workspace, with those of the git repository that it is a part of."""
        top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
        if top is None:
            return cls(root, _added(root, ((), (), ())))
        exclude = _File(_read(_git_folder(top) / "info" / "exclude"))
        rules = cls(top, _added(top, ((), (), (exclude,))))
        for name in root.relative_to(top).parts:
            rules = rules.inside(name)
        return rules

    def inside(self, name: str) -> Rules:
        """The rules of a folder in this one."""
        deeper = tuple(tuple(_File(file.patterns, f"{file.way}{name}/") for file in kind) for kind in self._kinds)
        return Rules(self.folder / name, _added(self.folder / name, deeper))

    def ignores(self, name: str, *, is_folder: bool) -> bool:
        """Whether an entry of this folder is left out."""
        ours, *theirs = self._kinds
        for file in ours:
            verdict = file.verdict(name, is_folder)
            if verdict is not None:
                return verdict
        if always_skipped(name, is_folder=is_folder):
            return True
        for kind in theirs:
            for file in kind:
                verdict = file.verdict(name, is_folder)
                if verdict is not None:
                    return verdict
        return False

    def ignored_by_git(self, name: str, *, is_folder: bool) -> bool:
        """Whether git leaves an entry of this folder out; what `skipped.py` and the other kinds say does not count."""
        verdicts = (file.verdict(name, is_folder) for file in self._kinds[-1])
        return next((verdict for verdict in verdicts if verdict is not None), False)


def _added(folder: Path, kinds: tuple[tuple[_File, ...], ...]) -> tuple[tuple[_File, ...], ...]:
    """The same with the ignore files of one more folder in front."""
    found = (_read(folder / name) for name in _KINDS)
    return tuple((_File(own), *kind) if own else kind for own, kind in zip(found, kinds, strict=True))


def _read(path: Path) -> tuple[_Pattern, ...]:
    try:
        text = os.fsdecode(read_regular(path, _LONGEST).removeprefix(b"\xef\xbb\xbf"))
    except OSError:
        return ()
    patterns = [pattern for line in text.split("\n") for pattern in _compiled(line.removesuffix("\r"))]
    return tuple(reversed(patterns))


def _compiled(line: str) -> Iterator[_Pattern]:
    line = line if line.endswith("\\ ") else line.rstrip(" ")
    folders_only = line.endswith("/")
    try:
        pattern = GitIgnoreSpecPattern(line.removesuffix("/"))
    except (GitIgnorePatternError, re.error, ValueError):
        return  # git ignores such a line as well
    if pattern.regex is not None and pattern.include is not None:
        yield _Pattern(pattern.regex, pattern.include, folders_only)


def _git_folder(top: Path) -> Path:
    """Where git keeps what it knows of a repository: `.git`, or where a work tree or submodule says."""
    found = top / ".git"
    if found.is_dir():
        return found
    try:
        found = top / os.fsdecode(read_regular(found, _LONGEST).removeprefix(b"gitdir:").strip())
        return found / os.fsdecode(read_regular(found / "commondir", _LONGEST).strip())
    except (OSError, ValueError):
        return found
