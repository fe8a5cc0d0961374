"""Pieces of the workspace as a prompt shows them: labelled as data, which their text cannot break out of. Pure.

Every line stands behind its number, so no text of a file can begin a line of the prompt, end its block or begin
another; names are quoted, and the tokens by which models tell the voices of a conversation apart are spelt otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.tasks.chat.clean import one_line
from beastmode.tasks.chat.turns import Source
from beastmode.wire.control_tokens import defused

if TYPE_CHECKING:
    from beastmode.tasks.chat.turns import Kind

LEAST_LINES = 3
"""Of a piece that is cut; fewer say nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a file, the first of them `line` from zero; `note` is what a diagnostic says, on one line."""

    path: str
    line: int
    lines: tuple[str, ...]
    kind: Kind
    why: str
    note: str = ""
    is_cut: bool = False

    @property
    def end_line(self) -> int:
        """The last line, included."""
        return self.line + max(0, len(self.lines) - 1)

    @property
    def source(self) -> Source:
        """What is told of it to the user."""
        return Source(self.path, self.line, self.end_line, self.kind, self.why, self.is_cut)


def size(text: str) -> int:
    """Bytes, the measure of every budget; `BYTES_PER_TOKEN` of them count as a token."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def tokens(text: str) -> int:
    """About how many tokens a text is, rounded up."""
    return -(-size(text) // BYTES_PER_TOKEN)


def render(piece: Piece) -> str:
    """The block of the prompt."""
    return "".join((_head(piece), *(_line(piece.line + at, text) for at, text in enumerate(piece.lines)), _END))


def cut(piece: Piece, room: int, least: int = LEAST_LINES) -> Piece | None:
    """The piece, or as many of its first lines as fit into so many bytes; None where those are fewer than `least`."""
    left = room - size(_head(replace(piece, is_cut=True))) - size(_END)
    for at, text in enumerate(piece.lines):
        left -= size(_line(piece.line + at, text))
        if left < 0:
            return replace(piece, lines=piece.lines[:at], is_cut=True) if at >= least else None
    return piece if left >= 0 else None


_END = "</file>\n"


def _head(piece: Piece) -> str:
    path = defused(one_line(piece.path)).replace('"', "'")
    name = f'path="{path}"' if path else "unsaved"
    lines = f'lines="{piece.line + 1}-{piece.end_line + 1}"' if piece.lines else 'lines="none"'
    more = " cut" if piece.is_cut else ""
    note = f"note: {defused(one_line(piece.note))}\n" if piece.note else ""
    return f'<file {name} {lines} why="{piece.why}"{more}>\n{note}'


def _line(number: int, text: str) -> str:
    return f"{number + 1}: {defused(one_line(text))}\n"
