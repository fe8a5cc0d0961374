"""Unified diffs: for models that have seen much of git. Counted lines are believed only where they fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.tasks.edits.change import Hunk, Proposal
from beastmode.tasks.edits.errors import CannotApply, shown
from beastmode.tasks.edits.markdown import (
    COMMANDS,
    Headings,
    after_thinking,
    answer_lines,
    command,
    ends_thinking,
    fence,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.edits.change import Sign

_INSTRUCTIONS = f"""\
Give the changes as one unified diff in a fenced block, as `git diff` writes it:

```diff
--- a/src/example.py
+++ b/src/example.py
@@ -1,3 +1,3 @@
 def add(a, b):
-    return a - b
+    return a + b

```

- Each line of a hunk begins with a space (kept), `-` (taken away) or `+` (put in). Kept and taken lines are copied
  exactly from the file. Give three lines of context before and after each change.
- A new file has `--- /dev/null` above its `+++` line; a deleted file has `+++ /dev/null` under its `---` line.
{COMMANDS}"""

_HUNK = re.compile(r"@@(?:[ \t]+-(\d{1,9})(?:,(\d{1,9}))?[ \t]+\+(\d{1,9})(?:,(\d{1,9}))?)?(?:[ \t.]*@@.*|[ \t.]*)")
_LONGEST = 4_000
_NO_FILE = "/dev/null"
_NO_NEWLINE = "\\ "
_GIT = ("diff --git ", "index ", "similarity index ", "old mode ", "new mode ", "Binary files ")


@dataclass(slots=True)
class _File:
    """One file's part of the diff, as it is being read."""

    old: str
    new: str
    at: int
    renamed: bool = False
    hunks: list[Hunk] = field(default_factory=list)


class UnifiedDiff:
    """See the module."""

    name = "unified-diff"
    instructions = _INSTRUCTIONS

    def parse(self, answer: str) -> Sequence[Proposal]:
        """See `EditFormat.parse`."""
        reading = _Reading(answer_lines(answer))
        while reading.at < len(reading.lines):
            reading.step()
        return reading.proposals()


class _Reading:
    """Walks over the lines of an answer once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.at = 0
        self._files: list[_File] = []
        self._others: list[Proposal] = []
        self._headings = Headings()
        self._fence = ""
        self._moved: tuple[str, str] = ("", "")

    def step(self) -> None:
        """Read what begins in this line."""
        line = self.lines[self.at]
        if header := _header(self.lines, self.at):
            self._headings.take()
            self._files.append(_File(*header, self.at + 1, renamed=self._moved == header))
            self._moved = ("", "")
            self.at += 2
        elif line.startswith("@@") and (counted := _HUNK.fullmatch(line)):
            self._hunk(counted)
        elif (after := after_thinking(self.lines, self.at)) > self.at:
            self.at = after
        else:
            self._outside(line)
            self.at += 1

    def proposals(self) -> list[Proposal]:
        """What was read."""
        self._git_only()
        return [_proposal(each) for each in self._files] + self._others

    def _outside(self, line: str) -> None:
        if found := fence(line):
            self._fence = "" if self._fence and not found.info else found.marks
        if ends_thinking(line):
            self._files, self._others, self._headings = [], [], Headings()
        elif told := command(line, self.at + 1):
            self._others.append(told)
        elif line.startswith(("rename from ", "rename to ")):
            old, new = self._moved
            path = line.partition(" ")[2].partition(" ")[2].strip()
            self._moved = (path, new) if line.startswith("rename from ") else (old, path)
        elif line.startswith(("--- a/", "+++ b/", "--- /", "+++ /")):
            path = line[4:].partition("\t")[0].strip()  # the other one of the two is missing
            path = path.removeprefix("a/") if line[0] == "-" else path.removeprefix("b/")
            self._files.append(_File(path, path, self.at + 1))
        elif line.startswith("diff --git "):
            self._git_only()
            self._headings.take()
        elif line.startswith(("new file mode", "deleted file mode")):
            self._empty_file(line)
        elif not line.startswith(_GIT):
            self._headings.read(line)

    def _empty_file(self, line: str) -> None:
        """An empty file that is made or deleted has no hunk, and its name only in the line above."""
        above = self.lines[self.at - 1] if self.at else ""
        following = self.lines[self.at + 1 : self.at + 3]
        names = re.fullmatch(r"diff --git a/(.+) b/(.+)", above) if len(above) < _LONGEST else None
        if names and names[1] == names[2] and not any(each.startswith("--- ") for each in following):
            is_new = line.startswith("new")
            self._others.append(Proposal(names[1], "create" if is_new else "delete", at=self.at + 1))

    def _git_only(self) -> None:
        """A rename without a change has no hunks."""
        if all(self._moved):
            old, new = self._moved
            self._others.append(Proposal(old, "rename", new_path=new, at=self.at))
        self._moved = ("", "")

    def _hunk(self, counted: re.Match[str]) -> None:
        start = self.at
        heading = self._headings.take()
        if heading or not self._files:
            self._files.append(_File(heading, heading, start + 1))
        path = self._files[-1].new
        end = self._counted_end(counted)
        if end is None:
            end = self._seen_end(path, counted)
        body = self.lines[start + 1 : end]
        self._files[-1].hunks.append(_made(body, counted, start + 1))
        self.at = end

    def _counted_end(self, counted: re.Match[str]) -> int | None:
        """Where the hunk ends as its header says, None where it does not fit what is there."""
        if counted[1] is None:
            return None
        old, new = (1 if number is None else int(number) for number in (counted[2], counted[4]))
        at = self.at + 1
        while old > 0 or new > 0:
            if at == len(self.lines):
                return None
            sign = self.lines[at][:1] or " "
            if sign not in " -+\\":
                return None
            old -= sign in " -"
            new -= sign in " +"
            at += 1
        while at < len(self.lines) and self.lines[at].startswith(_NO_NEWLINE):
            at += 1
        if old < 0 or new < 0 or not self._may_end(at):
            return None
        return at

    def _may_end(self, at: int) -> bool:
        """Whether what comes next is not more of the hunk."""
        if at == len(self.lines) or not self.lines[at].strip():
            return True
        line = self.lines[at]
        return line[0] not in " -+" or _begins_file(self.lines, at)

    def _seen_end(self, path: str, counted: re.Match[str]) -> int:
        """Where the hunk ends as far as can be seen: its header does not count, or counts wrongly."""
        at = self.at + 1
        while at < len(self.lines):
            line = self.lines[at]
            is_over = (line.startswith("@@") and _HUNK.fullmatch(line)) or line.startswith(_GIT) or (
                self._fence and fence(line) and not line.startswith(" ")
            )  # fmt: skip
            if is_over or _begins_file(self.lines, at) or self._is_prose(at):
                break
            at += 1
        if self._fence and at == len(self.lines):
            name = f" for {shown(path)}" if path else ""
            raise CannotApply(
                f"The diff{name} ends in the middle of the hunk in line {self.at + 1} of the answer: {counted[0][:60]}",
                "Give all hunks whole, and close the fence behind the last one.",
                "Nothing was written: allow the model more tokens, or ask for less at once",
                path=path,
            )
        while at > self.at + 1 and not self.lines[at - 1].strip():
            at -= 1
        return at

    def _is_prose(self, at: int) -> bool:
        """Outside of a fence, a line without a sign behind an empty one."""
        line = self.lines[at]
        return not self._fence and line[:1] not in {"", " ", "-", "+", "\\"} and not self.lines[at - 1].strip()


def _begins_file(lines: Sequence[str], at: int) -> bool:
    """Whether a file's header stands here, be it only one half of one, right above a hunk."""
    if _header(lines, at):
        return True
    is_half = lines[at].startswith(("--- a/", "+++ b/")) and at + 1 < len(lines)
    return is_half and _HUNK.fullmatch(lines[at + 1]) is not None


def _header(lines: Sequence[str], at: int) -> tuple[str, str] | None:
    """The two file names where a `---` and a `+++` line stand together."""
    if not lines[at].startswith("--- ") or at + 1 == len(lines) or not lines[at + 1].startswith("+++ "):
        return None
    old, new = (line[4:].partition("\t")[0].strip().strip('"') for line in (lines[at], lines[at + 1]))
    if old.startswith("a/") or old == _NO_FILE:
        bare_old, bare_new = old.removeprefix("a/"), new.removeprefix("b/")
        if new.startswith("b/") or new == _NO_FILE:
            return bare_old, bare_new
    return old, new


def _made(body: Sequence[str], counted: re.Match[str], at: int) -> Hunk:
    lines: list[tuple[Sign, str]] = []
    ends_in_newline: bool | None = None
    lost_old = False
    for line in body:
        if line.startswith(_NO_NEWLINE) and lines:
            sign = lines[-1][0]
            lost_old = lost_old or sign == "-"
            if sign != "-":
                ends_in_newline = False
            continue
        signed: Sign = "-" if line[:1] == "-" else "+" if line[:1] == "+" else " "
        lines.append((signed, line[1:] if line[:1] in {"-", "+", " "} else line))
    if lost_old and ends_in_newline is None:
        ends_in_newline = True
    start = None if counted[1] is None else max(int(counted[1]) - 1, 0)
    return Hunk(tuple(lines), start, ends_in_newline, at)


def _proposal(each: _File) -> Proposal:
    if each.old == _NO_FILE:
        return _created(each)
    if each.new == _NO_FILE:
        return Proposal(each.old, "delete", at=each.at)
    if each.renamed:
        return Proposal(each.old, "rename", tuple(each.hunks), new_path=each.new, at=each.at)
    if each.old != each.new:
        raise CannotApply(
            f"The diff in line {each.at} of the answer names two files, {shown(each.old)} and {shown(each.new)}",
            f"Write the same path behind --- and +++. To rename, add: RENAME FILE {each.old} TO {each.new}",
            path=each.old,
        )
    return Proposal(each.new, "edit", tuple(each.hunks), at=each.at)


def _created(each: _File) -> Proposal:
    lines = [line for hunk in each.hunks for line in hunk.new]
    if any(line.strip() for hunk in each.hunks for line in hunk.old):
        raise CannotApply(
            f"The diff makes {shown(each.new)} anew, but its hunk also has lines that should be there already",
            "Begin every line of a new file with `+`.",
            path=each.new,
        )
    ends = each.hunks[-1].ends_in_newline if each.hunks else None
    return Proposal(each.new, "create", lines=tuple(lines), ends_in_newline=ends, at=each.at)
