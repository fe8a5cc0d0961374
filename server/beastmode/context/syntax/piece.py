"""A text between what stands before and after the cursor, as the two rules for the end of a block look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from beastmode.context.syntax.blocks import width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.syntax.blocks import Blocks, Mark, Marks


class Ending(Protocol):
    """A rule for the end of a block."""

    def __call__(self, piece: Piece, /) -> int:
        """Offset in the piece's text."""
        ...


@dataclass(frozen=True)
class Line:
    """A line of the text behind the cursor's own: `start` counts from the start of the text.

    `depth`: how many brackets are open at its start; `is_in_block`: one of them holds statements.
    """

    start: int
    text: str
    depth: int
    is_in_block: bool
    is_in_text: bool

    @cached_property
    def width(self) -> int:
        """Columns of its indentation."""
        return width(self.text)

    @cached_property
    def said(self) -> str:
        """It, without blanks around it."""
        return self.text.strip()


@dataclass(frozen=True)
class Piece:
    """`marks` are those of `before + text`; `before` starts at a line that nothing encloses, where there is one."""

    before: str
    text: str
    after: str
    language: str
    row: Blocks
    marks: Marks

    @cached_property
    def open(self) -> tuple[Mark, ...]:
        """What is open at the cursor, the innermost last."""
        found: list[Mark] = []
        for mark in self.marks.marks:
            if mark.start >= len(self.before):
                break
            close_or_open(found, mark)
        return tuple(found)

    def line_of(self, place: int) -> str:
        """The line that a place in `before` stands in, up to the cursor where it is the cursor's."""
        start = self.before.rfind("\n", 0, place) + 1
        end = self.before.find("\n", place)
        return self.before[start : None if end < 0 else end]

    @property
    def line_before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def first(self) -> str:
        """The cursor's line with what the text puts into it."""
        return self.line_before + self.text.partition("\n")[0]

    def lines(self) -> Iterator[Line]:
        """The lines of the text behind the first."""
        whole, here = self.before + self.text, len(self.before)
        marks = iter(self.marks.marks)
        pending = next(marks, None)
        stack: list[Mark] = []
        end = whole.find("\n", here)
        while end >= 0:
            start, end = end + 1, whole.find("\n", end + 1)
            while pending is not None and pending.start < start:
                close_or_open(stack, pending)
                pending = next(marks, None)
            yield Line(
                start - here,
                whole[start : None if end < 0 else end],
                len(stack),
                any(mark.kind in BLOCK_KINDS for mark in stack),
                self.marks.in_text(start),
            )


BLOCK_KINDS = frozenset(("{", "word"))
"""What holds statements; a `(` and a `[` only continue one."""


def close_or_open(stack: list[Mark], mark: Mark) -> Mark | None:
    """Account for a mark; gives a closer for which there is nothing open. What a closer leaves unclosed is dropped."""
    if mark.opens:
        stack.append(mark)
        return None
    for number in range(len(stack) - 1, -1, -1):
        if stack[number].kind == mark.kind:
            del stack[number:]
            return None
    return mark
