"""Whole files: for small models, and for small or new files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beastmode.tasks.edits.change import Proposal
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

    from beastmode.tasks.edits.markdown import Fence

_INSTRUCTIONS = f"""\
Give each file that changes, and each new one, as a whole: its path on a line of its own, and under it all of its lines
in a fenced block:

src/example.py
```python
def add(a, b):
    return a + b
```

- Give every line of the file, also those that do not change.
- Where the file itself holds fences, make the fence around it longer than any of them, such as ``````.
- Do not give files that do not change.
{COMMANDS}"""

_LONGER = "Put a fence around this file that is longer than any fence in it, such as ``````."


class _Block(NamedTuple):
    lines: list[str]
    opening: Fence
    end: int


class WholeFile:
    """See the module."""

    name = "whole-file"
    instructions = _INSTRUCTIONS

    def parse(self, answer: str) -> Sequence[Proposal]:
        """See `EditFormat.parse`."""
        lines = answer_lines(answer)
        found: list[Proposal] = []
        nameless: list[Proposal] = []
        headings, at = Headings(), 0
        while at < len(lines):
            line = lines[at]
            if opening := fence(line):
                headings.read(line)
                path = headings.take()
                block = _block(lines, at, opening, path)
                proposal = Proposal(path, "whole", lines=tuple(block.lines), at=at + 1)
                if not path and found and not opening.info:
                    raise _unclear(found[-1].path, at)
                (found if path else nameless).append(proposal)
                at = block.end
                continue
            if (after := after_thinking(lines, at)) > at:
                at = after
                continue
            if ends_thinking(line):
                found, nameless, headings = [], [], Headings()
            elif told := command(line, at + 1):
                found.append(told)
            else:
                headings.read(line)
            at += 1
        return found or (nameless if len(nameless) == 1 else _several(nameless))


def _block(lines: Sequence[str], at: int, opening: Fence, path: str) -> _Block:
    """What stands in the fence that opens in line `at`; fences of the same length inside come in pairs."""
    inside = 0
    for number in range(at + 1, len(lines)):
        other = fence(lines[number])
        if other is None or not other.marks.startswith(opening.marks):
            continue
        if other.info:
            # A longer one, or one of another indentation, is the file's own; ours can only be closed by a bare one.
            inside += other.marks == opening.marks
        elif not inside:
            content = [line.removeprefix(opening.indent) for line in lines[at + 1 : number]]
            return _Block(content, opening, number + 1)
        else:
            inside -= 1
    name = f" for {shown(path)}" if path else ""
    raise CannotApply(
        f"The fenced block{name} in line {at + 1} of the answer never ends: it was cut, or a fence is missing",
        f"Close each block with its fence. {_LONGER}",
        "Nothing was written: allow the model more tokens, or choose search/replace blocks for this file",
        path=path,
    )


def _unclear(path: str, at: int) -> CannotApply:
    return CannotApply(
        f"Line {at + 1} of the answer opens a fenced block without a path behind the one for {shown(path)}, so that "
        "nobody can tell where that file ends",
        _LONGER,
        path=path,
    )


def _several(nameless: Sequence[Proposal]) -> Sequence[Proposal]:
    if not nameless:
        return []
    raise CannotApply(
        f"The answer has {len(nameless)} fenced blocks, and none says which file it is",
        "Write the path of each file on a line of its own above its fenced block.",
    )
