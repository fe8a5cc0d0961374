"""What a model must see to change code: the files in question whole where they fit, what they use, what was found.

Text of the repository is data: every file stands between marks that hold a number made from everything that is shown,
so no file can end its own block. Lines have no numbers here, because the model is to copy them.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from beastmode.context.session import Session
from beastmode.context.syntax import definitions, imports, language_of
from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.tasks.chat.attachments import pieces_of
from beastmode.tasks.chat.clean import one_line
from beastmode.tasks.chat.pieces import Piece, size
from beastmode.tasks.chat.reading import Desk
from beastmode.tasks.chat.retrieval import retrieve
from beastmode.wire.control_tokens import defused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.context.index import Index
    from beastmode.context.session import OpenDocument
    from beastmode.tasks.chat.attachments import Attachment
    from beastmode.tasks.proposal import Step

MARGIN = 20
"""Lines shown above and below those in question where the whole file has no room."""
MOST_NAMES = 40
"""Imported names of the files in question that are looked up."""
FOUND_SHARE = 3
"""One part of so many of the room is for what was found, at most."""
FOUND_BYTES = 24_000
FRAME = 120
"""Bytes of the marks around one file, at most, besides its path and the reason it is shown."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is to be changed: all its lines, and which of them are meant.

    Attributes:
        path: relative to the workspace.
        lines: all of them.
        line, end_line: the lines in question, from zero, both included; None: all.
        note: what is said about them.
        why: how the prompt names it.
        is_chosen: these lines were chosen, and nothing else of the file is to be shown.
    """

    path: str
    lines: tuple[str, ...]
    line: int | None = None
    end_line: int | None = None
    note: str = ""
    why: str = "to be changed"
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Lines as the prompt shows them."""

    path: str
    line: int
    lines: tuple[str, ...]
    why: str
    is_cut: bool

    @property
    def cost(self) -> int:
        """Bytes that it takes."""
        return FRAME + size(self.path) + size(self.why) + sum(size(each) + 1 for each in self.lines)


@dataclass(frozen=True, slots=True)
class Materials:
    """What fits: the files in question, what may help, and what had no room, as sentences."""

    targets: tuple[Block, ...]
    found: tuple[Block, ...]
    left_out: tuple[str, ...]

    @property
    def are_whole(self) -> bool:
        """Whether every file in question is shown from its first line to its last."""
        return not any(block.is_cut for block in self.targets)

    def text(self, *, with_found: bool = True) -> str:
        """The part of the prompt."""
        blocks = (*(self.found if with_found else ()), *self.targets)
        if not blocks:
            return ""
        bodies = ["".join(f"{defused(line)}\n" for line in block.lines) for block in blocks]
        mark = hashlib.sha256("\0".join((*bodies, *(block.path for block in blocks))).encode("utf-8", "replace"))
        name = f"file-{mark.hexdigest()[:12]}"
        return "".join(f"{_head(name, block)}\n{body}</{name}>\n" for block, body in zip(blocks, bodies, strict=True))


def desk_of(root: str, documents: Sequence[OpenDocument]) -> Desk:
    """The files below one folder as they are now: open documents count as an editor has them."""
    view = Session(lambda: 0.0, [root])
    for document in documents:
        view.opened(document)
    return Desk(view)


def targets_of(files: Sequence[Attachment], desk: Desk) -> list[Target]:
    """The files that the user names; several places in one file are one target from the first to the last of them.

    Raises:
        CannotAttach: one of them must not or cannot be shown to a model.
    """
    found: dict[str, Target] = {}
    for piece, attachment in zip(pieces_of(files, desk), files, strict=True):
        text = desk.require(attachment.path)
        is_part = attachment.line > 0 or attachment.end_line is not None
        first = Target(
            piece.path,
            text.lines,
            attachment.line if is_part else None,
            min(attachment.end_line if attachment.end_line is not None else len(text.lines), len(text.lines) - 1)
            if is_part
            else None,
            piece.note,
        )
        found[piece.path] = _joined(found.get(piece.path), first)
    return list(found.values())


def _joined(one: Target | None, other: Target) -> Target:
    if one is None:
        return other
    note = "; ".join(filter(None, (one.note, other.note)))
    if one.line is None or other.line is None or one.end_line is None or other.end_line is None:
        return replace(other, line=None, end_line=None, note=note)
    return replace(other, line=min(one.line, other.line), end_line=max(one.end_line, other.end_line), note=note)


def planned_targets(steps: Sequence[Step], desk: Desk) -> tuple[list[Target], list[str]]:
    """The files that a plan wants changed, and sentences for those that no model may see."""
    found, missing = [], []
    for step in steps:
        if step.kind == "create":
            continue
        text = desk.find(step.path)
        if text is None:
            missing.append(f"{step.path}: there is no such file that a model may see")
        else:
            found.append(
                Target(text.path, text.lines, why=f"to be changed: {step.why}" if step.why else "to be changed")
            )
    return found, missing


async def gather(
    words: str, targets: Sequence[Target], indexes: Sequence[tuple[str, Index]], desk: Desk, room: int
) -> Materials:
    """What is shown, cut to so many bytes.

    Args:
        words: of the user.
        targets: the files in question; each gets its share, the whole file where that fits.
        indexes: to search in, see `Shelves.of`.
        desk: the files as they are now.
        room: bytes.
    """
    shown, left_out = await asyncio.to_thread(_fit_targets, targets, room)
    left = room - sum(block.cost for block in shown)
    share = min(left, room // FOUND_SHARE, FOUND_BYTES)
    if share < FRAME * 2:
        return Materials(tuple(shown), (), tuple(left_out))
    names = await asyncio.to_thread(_used_names, targets)
    attached = [Piece(block.path, block.line, block.lines, "file", "") for block in shown]
    pieces = await retrieve(f"{words}\n{' '.join(names)}", "", indexes, desk, attached)
    found: list[Block] = []
    chosen = {target.path for target in targets if target.is_chosen}
    for piece in (each for each in pieces if each.path not in chosen):
        block = Block(piece.path, piece.line, piece.lines, f"to be read: {piece.why}", is_cut=True)
        if block.cost <= share:
            found.append(block)
            share -= block.cost
    return Materials(tuple(shown), tuple(reversed(found)), tuple(left_out))


def _used_names(targets: Sequence[Target]) -> list[str]:
    """What the files in question import, the most telling names first."""
    names: dict[str, None] = {}
    for target in targets:
        for each in imports("\n".join(target.lines), language_of(target.path)):
            names.update(dict.fromkeys(each.names or (each.module.rpartition(".")[2],)))
    return list(names)[:MOST_NAMES]


def _fit_targets(targets: Sequence[Target], room: int) -> tuple[list[Block], list[str]]:
    blocks, left_out = [], []
    for number, target in enumerate(targets):
        share = room // (len(targets) - number)
        block = _block(target, share if number < len(targets) - 1 else room)
        if block is None:
            left_out.append(f"{target.path}: there is no room for it in the model's window")
            continue
        if block.is_cut:
            left_out.append(
                f"{target.path}: only lines {block.line + 1}-{block.line + len(block.lines)} have room in the window"
            )
        blocks.append(block)
        room -= block.cost
    return blocks, left_out


def _block(target: Target, room: int) -> Block | None:
    """The whole file, else the definition around the lines in question, else these lines, else as many as fit."""
    why = target.why + (
        f"; lines {target.line + 1}-{(target.end_line or 0) + 1} are meant" if target.line is not None else ""
    )
    why += f"; {target.note}" if target.note else ""
    whole = Block(target.path, 0, target.lines, why, is_cut=False)
    if whole.cost <= room:
        return whole
    first, last = target.line or 0, target.end_line if target.end_line is not None else len(target.lines) - 1
    around = _around(target, first, last) if target.line is not None else (0, len(target.lines) - 1)
    for start, end in (around, (first, last)):
        block = Block(target.path, start, target.lines[start : end + 1], why, is_cut=True)
        if block.cost <= room:
            return block
    left, end = room - whole.cost + sum(size(each) + 1 for each in target.lines), first
    while end <= last and left >= size(target.lines[end]) + 1:
        left -= size(target.lines[end]) + 1
        end += 1
    return Block(target.path, first, target.lines[first:end], why, is_cut=True) if end > first else None


def _around(target: Target, first: int, last: int) -> tuple[int, int]:
    """The definition that holds the lines, with some lines around it."""
    holding = [
        each
        for each in definitions("\n".join(target.lines), language_of(target.path))
        if each.line <= first and last <= each.end_line
    ]
    innermost = min(holding, key=lambda each: each.end_line - each.line, default=None)
    start, end = (first, last) if innermost is None else (innermost.line, innermost.end_line)
    return max(0, start - MARGIN), min(len(target.lines) - 1, end + MARGIN)


def _head(name: str, block: Block) -> str:
    path = defused(one_line(block.path)).replace('"', "'")
    lines = f' lines="{block.line + 1}-{block.line + len(block.lines)}"' if block.is_cut else ""
    why = defused(one_line(block.why)).replace('"', "'")
    return f'<{name} path="{path}"{lines} why="{why}">'


def bytes_of(tokens: int) -> int:
    """As many bytes as count for so many tokens."""
    return tokens * BYTES_PER_TOKEN
