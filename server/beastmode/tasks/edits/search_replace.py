"""Search/replace blocks: for models that copy well but cannot count lines. The safest of the formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.tasks.edits.change import Hunk, Proposal
from beastmode.tasks.edits.difference import opcodes
from beastmode.tasks.edits.errors import CannotApply, shown
from beastmode.tasks.edits.markdown import (
    COMMANDS,
    Headings,
    after_thinking,
    answer_lines,
    command,
    ends_thinking,
    path_alone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.edits.change import Sign

_INSTRUCTIONS = f"""\
Give each change as a block like this one, under the path of its file:

src/example.py
<<<<<<< SEARCH
    return a - b
=======
    return a + b
>>>>>>> REPLACE

- SEARCH holds whole lines, copied exactly from the file: the lines to change and a few around them, enough to be found
  in one place only. REPLACE holds the lines that take their place.
- One block for each place. Blocks do not overlap.
- To make a new file, leave SEARCH empty and give the whole file in REPLACE.
- Where lines of the file look like the markers, make all three markers of the block longer, such as nine characters.
{COMMANDS}"""

_OPEN = re.compile(r"[ \t]*(<{5,})[ \t]?(?:SEARCH|ORIGINAL)\b:?[ \t]*(.*)")
_DIVIDE = re.compile(r"[ \t]*(={5,})[ \t]*")
_CLOSE = re.compile(r"[ \t]*(>{5,})[ \t]?(?:REPLACE|UPDATED)\b.*")
_AGAIN = "End every block with its ======= line, the new lines, and its >>>>>>> REPLACE line."


class SearchReplace:
    """See the module."""

    name = "search-replace"
    instructions = _INSTRUCTIONS

    def parse(self, answer: str) -> Sequence[Proposal]:
        """See `EditFormat.parse`."""
        lines = answer_lines(answer)
        found: list[Proposal] = []
        headings, path, at = Headings(), "", 0
        while at < len(lines):
            line = lines[at]
            if opened := _opens(line):
                heading = headings.take()
                path = path_alone(opened[2]) or heading or path
                proposal, at = _block(lines, at, len(opened[1]), path)
                found.append(proposal)
                continue
            if (after := after_thinking(lines, at)) > at:
                at = after
                continue
            if ends_thinking(line):
                found.clear()
                headings, path = Headings(), ""
            elif told := command(line, at + 1):
                found.append(told)
            else:
                headings.read(line)
            at += 1
        return found


def _opens(line: str) -> re.Match[str] | None:
    return _OPEN.fullmatch(line) if "<<<<<" in line else None


def _block(lines: Sequence[str], at: int, marks: int, path: str) -> tuple[Proposal, int]:
    """The block whose first marker stands in line `at`, and the line behind it."""
    dividers: list[tuple[int, int]] = []
    closer = loose = 0
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if found := _CLOSE.fullmatch(line) if ">>>>>" in line else None:
            if len(found[1]) == marks:
                closer = number
                break
            loose = loose or number
        elif found := _DIVIDE.fullmatch(line) if "=====" in line else None:
            dividers.append((number, len(found[1])))
        elif (found := _opens(line)) and len(found[1]) == marks:
            break
    closer = closer or loose
    if not closer:
        raise _broken(path, at, "never ends: the answer was cut, or its >>>>>>> REPLACE line is missing", _AGAIN)
    middles = [number for number, length in dividers if length == marks and number < closer]
    middles = middles or [number for number, _ in dividers if number < closer]
    if not middles:
        raise _broken(path, at, "has no ======= line", _AGAIN)
    if len(middles) > 1:
        raise _broken(
            path,
            at,
            f"has {len(middles)} ======= lines, so that nobody can tell which one divides it",
            f"Make the three markers of this block longer: {'<' * (marks + 2)} SEARCH, {'=' * (marks + 2)}, "
            f"{'>' * (marks + 2)} REPLACE.",
        )
    old, new = lines[at + 1 : middles[0]], lines[middles[0] + 1 : closer]
    return _proposal(path, old, new, at + 1), closer + 1


def _proposal(path: str, old: Sequence[str], new: Sequence[str], at: int) -> Proposal:
    if not old or old == [""]:
        # One empty line may be meant as such: `lines` and `hunks` are both there, and the file decides.
        return Proposal(path, "create", (Hunk(_signed(old, new), at=at),) if old else (), tuple(new), at=at)
    return Proposal(path, "edit", (Hunk(_signed(old, new), at=at),), at=at)


def _signed(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[Sign, str], ...]:
    """Lines that stand on both sides are context."""
    signed: list[tuple[Sign, str]] = []
    for tag, i, i_end, j, j_end in opcodes(old, new):
        if tag == "equal":
            signed += [(" ", line) for line in old[i:i_end]]
        else:
            signed += [("-", line) for line in old[i:i_end]]
            signed += [("+", line) for line in new[j:j_end]]
    return tuple(signed)


def _broken(path: str, at: int, what: str, advice: str) -> CannotApply:
    name = f" for {shown(path)}" if path else ""
    return CannotApply(f"The block{name} in line {at + 1} of the answer {what}", advice, path=path)
