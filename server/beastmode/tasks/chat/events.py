"""What `Chat.ask` gives, in this order: Shown, Answering, then Part and Thought as they come, last Ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.errors import BeastModeError
    from beastmode.tasks.chat.answer import Citation, CodeBlock
    from beastmode.tasks.chat.turns import Source, Turn


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model gets to see beside the question.

    Attributes:
        sources: in the order of the prompt.
        left_out: what had no room, as sentences for the user.
        turns: how many earlier turns the model sees.
        dropped_turns: how many it does not see.
    """

    sources: tuple[Source, ...]
    left_out: tuple[str, ...]
    turns: int
    dropped_turns: int


@dataclass(frozen=True, slots=True)
class Answering:
    """This model answers; a second one says that another model goes on."""

    model: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the answer, without characters that could do harm on a screen."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's reasoning; it is never part of the answer and never stored."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is over.

    Attributes:
        turn: the whole of it, as it was kept.
        citations: references in it that exist in the workspace.
        code: its fenced blocks.
        error: why it broke off; None where it did not.
        is_kept: whether the turn stands in the history.
    """

    turn: Turn
    citations: tuple[Citation, ...]
    code: tuple[CodeBlock, ...]
    error: BeastModeError | None
    is_kept: bool


Event = Shown | Answering | Part | Thought | Ended
