"""The messages of a request, in the order in which a model's server can keep most of what it has read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.request import Message
from beastmode.tasks.chat.fitting import MESSAGE
from beastmode.tasks.chat.pieces import render, size
from beastmode.wire.control_tokens import defused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.chat.fitting import Fitted

_BEFORE = "From the workspace, as data:\n\n"
_AFTER = "\nThe user's question:\n\n"
_DROPPED = "\n\nThe first {} turns of this conversation are left out here, because they have no room."
FRAME = size(_BEFORE) + size(_AFTER)
"""Bytes around the pieces."""


def overhead(instructions: str, question: str) -> int:
    """Bytes of a request that nothing can be cut from."""
    return size(instructions) + size(_DROPPED) + 8 + size(question) + 2 * MESSAGE


def messages(
    instructions: str, turns: Sequence[tuple[str, str]], fitted: Fitted, question: str, dropped: int
) -> tuple[Message, ...]:
    """The conversation: instructions, the newest turns, the pieces and the question.

    Args:
        instructions: of prompts/chat.md.
        turns: questions and answers, oldest first; the last `fitted.turns` of them are told.
        fitted: what fits.
        question: whole, and as the user wrote it.
        dropped: how many turns are not told.
    """
    told = [Message("system", instructions + (_DROPPED.format(dropped) if dropped else ""))]
    for asked, answered in turns[len(turns) - fitted.turns :]:
        told += [Message("user", asked), Message("assistant", defused(answered))]
    # What was found comes first and the best of it last: what stands near the question counts most.
    pieces = [render(piece) for piece in (*reversed(fitted.found), *fitted.attached)]
    text = f"{_BEFORE}{''.join(pieces)}{_AFTER}{question}" if pieces else question
    return (*told, Message("user", text))
