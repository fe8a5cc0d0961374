"""The files of a workspace that belong into its index, found by looking at names and sizes only.

Symbolic links are never followed, wherever they lead, so the walk cannot leave the root. Names are bytes of any kind:
a newline or invalid UTF-8 in one is no reason to stop.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from beastmode.context.exclude import is_sensitive
from beastmode.context.index.rules import Rules
from beastmode.context.index.skipped import FOLDER_MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_REPARSE_POINT = 0x400


class Found(NamedTuple):
    """A file: its path below the root with `/` (as the system writes it, in bytes), its size in bytes, its stamp.

    The stamp changes whenever the file does: the later of its two times of change, in nanoseconds.
    """

    key: bytes
    size: int
    stamp: int


def walk(root: Path) -> Iterator[Found | None]:
    """Every file that may be indexed, the shallow ones first; None now and then, where a long search may rest."""
    waiting = [("", Rules.of_root(root))]
    while waiting:
        deeper: list[tuple[str, Rules]] = []
        for way, rules in waiting:
            yield None
            entries = _entries(rules.folder)
            if way and any(entry.name in FOLDER_MARKS for entry in entries):
                continue
            for entry in entries:
                if _is_folder(entry):
                    if not rules.ignores(entry.name, is_folder=True):
                        deeper.append((f"{way}{entry.name}/", rules.inside(entry.name)))
                    continue
                found = _file(entry, way, rules)
                if found is not None:
                    yield found
        waiting = deeper


def look(root: Path, path: Path) -> Found | None:
    """One file, judged as the walk would: None where it is gone, left out, or not below the root."""
    try:
        *folders, name = path.relative_to(root).parts
    except ValueError:
        return None
    if ".." in path.parts:
        return None
    rules, way = Rules.of_root(root), ""
    for folder in folders:
        entry = _one(rules.folder, folder)
        if entry is None or not _is_folder(entry) or rules.ignores(folder, is_folder=True):
            return None
        rules, way = rules.inside(folder), f"{way}{folder}/"
        if any((rules.folder / mark).exists() for mark in FOLDER_MARKS):
            return None
    entry = _one(rules.folder, name)
    return None if entry is None or _is_folder(entry) else _file(entry, way, rules)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # gone, or not ours to read


def _one(folder: Path, name: str) -> os.DirEntry[str] | None:
    return next((entry for entry in _entries(folder) if entry.name == name), None)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        if sys.platform == "win32" and entry.stat(follow_symlinks=False).st_file_attributes & _REPARSE_POINT:
            return False  # a junction: a link that does not call itself one
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _file(entry: os.DirEntry[str], way: str, rules: Rules) -> Found | None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return None
        if is_sensitive(entry.path) or rules.ignores(entry.name, is_folder=False):
            return None
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return Found(os.fsencode(way + entry.name), facts.st_size, max(facts.st_mtime_ns, facts.st_ctime_ns))
