r"""The words of this room: what a model proposes, and the checked change that becomes of it.

Paths are relative to the workspace and have `/`. Texts have `\n` line ends whatever the file has, and no byte order
mark; their last line ends in `\n` where the file's does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Sign = Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines to be found in a file, and what becomes of them.

    Attributes:
        lines: each with its sign: kept, taken away, put in.
        line: where the old lines should begin, from zero; None where the format does not say.
        ends_in_newline: whether the file's last line does afterwards; None: as before.
        at: the line of the answer, from one, for messages.
    """

    lines: tuple[tuple[Sign, str], ...]
    line: int | None = None
    ends_in_newline: bool | None = None
    at: int = 0

    @property
    def old(self) -> list[str]:
        """The lines to be found."""
        return [line for sign, line in self.lines if sign != "+"]

    @property
    def new(self) -> list[str]:
        """The lines that take their place."""
        return [line for sign, line in self.lines if sign != "-"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an answer wants done to one file, not checked yet.

    Attributes:
        path: as the model wrote it; '' where it named none.
        kind: `edit` has hunks, `whole` and `create` have lines, `rename` has a new path and may have hunks.
        at: the line of the answer, from one, for messages.
    """

    path: str
    kind: Literal["edit", "whole", "create", "rename", "delete"]
    hunks: tuple[Hunk, ...] = ()
    lines: tuple[str, ...] = ()
    ends_in_newline: bool | None = None
    new_path: str = ""
    at: int = 0


class EditFormat(Protocol):
    """One way for a model to say what is to change."""

    @property
    def name(self) -> str:
        """What a model's row calls it."""
        ...

    @property
    def instructions(self) -> str:
        """What a prompt tells the model about it."""
        ...

    def parse(self, answer: str) -> Sequence[Proposal]:
        """What the answer proposes; nothing where there is nothing of this format in it.

        Raises:
            CannotApply: it begins in this format but cannot be understood.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileEdit:
    """What becomes of one file.

    Attributes:
        text: the new text; None for a deletion.
        new_path: where a renamed file goes.
        before: the text that the edit was made for; None where there was no file.
        checksum: SHA-256, in hex, of the bytes on disk that it was made for; None where there was no file.
    """

    path: str
    kind: Literal["create", "change", "rename", "delete"]
    text: str | None
    new_path: str | None = None
    before: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that belong together: all of them, or none. `summary` is one sentence for people."""

    edits: tuple[FileEdit, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one answer may do.

    Attributes:
        files: that it touches.
        file_bytes: of one file, before or after (UTF-8).
        total_bytes: of all new texts together.
        answer: characters of the answer itself.
        lines: of the answer itself.
        hunks: places in files.
        lost: share of a file's lines that may go without being asked for by an explicit deletion.
    """

    files: int = 50
    file_bytes: int = 1_000_000
    total_bytes: int = 4_000_000
    answer: int = 8_000_000
    lines: int = 300_000
    hunks: int = 500
    lost: float = 0.8


def split(text: str) -> list[str]:
    r"""The lines of a text without their `\n`; none of an empty one. Nothing but `\n` ends a line."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def join(lines: Sequence[str], *, ends_in_newline: bool = True) -> str:
    """The opposite of `split`. A last line that is empty always ends, or it would not be there."""
    text = "\n".join(lines)
    return text + "\n" if lines and (ends_in_newline or not lines[-1]) else text
