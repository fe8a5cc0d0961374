"""Text and places in it. Positions count from zero; columns count Unicode code points unless a name says UTF-16."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From (line, column) up to and not including (end_line, end_column)."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a span of a document by new text."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Cursor:
    r"""A place in a document and what can be seen from it: an immutable picture that later edits do not touch.

    `before` and `after` are bounded windows: whole lines, with `\n` endings whatever the document has (`newline` says
    which), ending and starting exactly at the cursor.

    `preamble` is code that runs before the document's own and belongs to it though it stands elsewhere: the cells above
    a notebook's cell. Whole lines, or ''.
    """

    uri: str
    path: str
    language: str
    version: int
    line: int
    column: int
    before: str
    after: str
    newline: str = "\n"
    preamble: str = ""

    @property
    def line_before(self) -> str:
        """The part of the cursor's line left of it."""
        return self.before[self.before.rfind("\n") + 1 :]

    @property
    def line_after(self) -> str:
        """The part of the cursor's line right of it."""
        end = self.after.find("\n")
        return self.after if end < 0 else self.after[:end]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text that may stand at a cursor: inserted at it, and replacing `replace_after` code points right of it.

    `replace_after` never leaves the cursor's line.
    """

    id: str
    text: str
    model: str
    replace_after: int = 0
