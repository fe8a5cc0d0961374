"""Cuts a conversation and its context to a model's window. Pure.

The question is never touched. Then, in this order: the newest turns, up to half of the room; what the user attached;
what was found; older turns with what is left. Turns are dropped whole and oldest first, so what stays is always the
end of the conversation without a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.tasks.chat.pieces import LEAST_LINES, cut, render, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.tasks.chat.pieces import Piece

MESSAGE = 24
"""Bytes that a model's chat format puts around each message, at most."""
TURNS_SHARE = 2
"""One part of so many is for the newest turns, before anything else gets its share."""
FOUND_SHARE = 8
"""One part of so many of the whole room is for what was found: the user asked for none of it, and it costs time."""
FOUND_BYTES = 24_000
"""And no more than this in the largest window, because it costs money too."""
FOUND_LINES = 8
"""Of a found piece that is cut; the next one may fit as it is."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What goes into the prompt: the last `turns` turns, the attachments, the found pieces; and what does not."""

    turns: int
    attached: tuple[Piece, ...]
    found: tuple[Piece, ...]
    left_out: tuple[Piece, ...]


def fit(
    room: int, turns: Sequence[tuple[str, str]], attached: Sequence[Piece], found: Sequence[Piece], frame: int = 0
) -> Fitted:
    """Choose what fits.

    Args:
        room: bytes that the question and the instructions leave; below 0 nothing fits.
        turns: questions and answers, oldest first.
        attached: in the user's order.
        found: best first.
        frame: bytes of the words around the pieces, where there are any.
    """
    costs = [size(question) + size(answer) + 2 * MESSAGE for question, answer in turns]
    left = room
    kept = _newest(costs, left // TURNS_SHARE)
    left -= sum(costs[len(costs) - kept :])
    shown, left, missing = _fill(attached, left - frame)
    share = min(left, room // FOUND_SHARE, FOUND_BYTES)
    more, rest, _ = _fill(found, share, FOUND_LINES)
    left -= share - rest
    if not shown and not more:
        left += frame
    kept += _newest(costs[: len(costs) - kept], left)
    return Fitted(kept, tuple(shown), tuple(more), tuple(missing))


def _newest(costs: Sequence[int], room: int) -> int:
    """How many of the last ones fit."""
    count = 0
    for cost in reversed(costs):
        room -= cost
        if room < 0:
            break
        count += 1
    return count


def _fill(pieces: Iterable[Piece], room: int, least: int = LEAST_LINES) -> tuple[list[Piece], int, list[Piece]]:
    """The pieces that fit, the last of them cut where need be; the room that is left; those that do not fit."""
    taken, missing = [], []
    for piece in pieces:
        part = cut(piece, room, least)
        if part is None:
            missing.append(piece)
        else:
            taken.append(part)
            room -= size(render(part))
    return taken, room, missing
