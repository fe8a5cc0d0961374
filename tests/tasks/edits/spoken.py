"""A model that answers exactly: the new text of a file, said in each format."""

from __future__ import annotations

import re

from beastmode.tasks.edits import Change, FileEdit, diff
from beastmode.tasks.edits.change import split


def longest(text: str, mark: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(mark)}+", text)), default=0)


def as_blocks(path: str, old: str, new: str) -> str:
    marks = max(7, *(longest(old + new, mark) + 1 for mark in "<=>"))
    before, after = ("".join(f"{line}\n" for line in split(text)) for text in (old, new))
    return f"{path}\n{'<' * marks} SEARCH\n{before}{'=' * marks}\n{after}{'>' * marks} REPLACE\n"


def as_whole(path: str, old: str, new: str) -> str:
    fence = "`" * max(3, longest(new, "`") + 1)
    return f"Here:\n\n{path}\n{fence}text\n" + "".join(f"{line}\n" for line in split(new)) + f"{fence}\n"


def as_diff(path: str, old: str, new: str) -> str:
    return "Here:\n" + diff(Change((FileEdit(path, "change", new, before=old, checksum=""),), "")) + "\nDone.\n"


SPOKEN = {"search-replace": as_blocks, "whole-file": as_whole, "unified-diff": as_diff}
