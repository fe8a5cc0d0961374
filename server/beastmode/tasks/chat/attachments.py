"""What the user gives with a question: files, lines of them, selections, diagnostics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beastmode.context.exclude import is_sensitive
from beastmode.context.files import MOST_BYTES
from beastmode.tasks.chat.clean import one_line
from beastmode.tasks.chat.pieces import Piece
from beastmode.tasks.chat.reading import CannotAttach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.chat.reading import Desk

MOST = 50
"""Attachments of one question."""
AROUND = 6
"""Lines shown above and below those of a diagnostic."""
_LONGEST_MESSAGE = 2_000
_RANGE = re.compile(r"(?P<path>.+?):(?P<start>\d{1,7})(?:-(?P<end>\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class Attachment:
    r"""One of them.

    Attributes:
        path: relative to the workspace, or absolute; '' only for a selection in no file.
        line: the first line, from zero.
        end_line: the last line, included; None: to the end of the file.
        kind: what it is.
        text: a selection as the editor has it, from `line` on; None: as the file has it now.
        message: of a diagnostic: `error: expected ";"`.
    """

    path: str = ""
    line: int = 0
    end_line: int | None = None
    kind: Literal["file", "selection", "diagnostic"] = "file"
    text: str | None = None
    message: str = ""


def attachment_of(written: str) -> Attachment:
    """What `PATH`, `PATH:12` or `PATH:12-20` means; lines are counted from one in it.

    Raises:
        CannotAttach: the lines are in the wrong order, or one is line 0.
    """
    found = _RANGE.fullmatch(written)
    if found is None:
        return Attachment(written)
    start, end = int(found["start"]), int(found["end"] or found["start"])
    if not 1 <= start <= end:
        raise CannotAttach(f"{written} names no lines", "Write PATH:FIRST-LAST; the first line of a file is 1")
    return Attachment(found["path"], start - 1, end - 1)


def pieces_of(attachments: Sequence[Attachment], desk: Desk) -> list[Piece]:
    """What they are, in their order. Reads the disk.

    Raises:
        CannotAttach: one of them must not or cannot be shown to a model.
    """
    if len(attachments) > MOST:
        raise CannotAttach(f"{len(attachments)} attachments are more than {MOST}", "Attach what matters most")
    return [_piece(each, desk) for each in attachments]


def _piece(attachment: Attachment, desk: Desk) -> Piece:
    if attachment.text is not None:
        return _selected(attachment, attachment.text, desk)
    text = desk.require(attachment.path)
    count = len(text.lines)
    if attachment.line and attachment.line >= count:
        raise CannotAttach(f"{text.path} has {count} lines, and no line {attachment.line + 1}", "Check the line")
    line = attachment.line
    end = count if attachment.end_line is None else min(count, max(attachment.end_line, line) + 1)
    if attachment.kind == "diagnostic":
        line, end = max(0, line - AROUND), min(count, end + AROUND)
    is_whole = (line, end) == (0, count)
    why = {"file": "attached" if is_whole else "these lines are attached", "selection": "selected by the user"}
    return Piece(
        text.path,
        line,
        text.lines[line:end],
        attachment.kind,
        why.get(attachment.kind, "a diagnostic is attached"),
        note=one_line(attachment.message[:_LONGEST_MESSAGE]),
    )


def _selected(attachment: Attachment, text: str, desk: Desk) -> Piece:
    """What the editor says is selected, which the disk may not have yet."""
    path = attachment.path
    if is_sensitive(path):
        raise CannotAttach(f"{path} may hold secrets, and is shown to no model", "Paste the part that matters")
    if len(text) > MOST_BYTES:
        raise CannotAttach(f"The selection is larger than {MOST_BYTES // 1000} kB", "Select less")
    shown = desk.require(path).path if path else ""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    note = one_line(attachment.message[:_LONGEST_MESSAGE])
    return Piece(shown, attachment.line, tuple(lines), "selection", "selected by the user", note=note)
