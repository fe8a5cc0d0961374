"""What a conversation is made of: sessions, and turns of a question and its answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from beastmode.ledger.spent import Spent

Kind = Literal["file", "selection", "diagnostic", "named", "definition", "search"]
"""Why a model was shown a piece: the first three were attached by the user, the others were found."""

STOPPED = "stopped"
FAILED = "failed"
TOO_LONG = "too long"
"""Ends of an answer beside those that a model gives (`FinishReason`): by the user, by an error, by us."""


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of a file that the model was shown, `line` to `end_line` from zero, both included.

    `path` is relative to the workspace with `/`; '' for text that is in no file. `is_cut`: there would have been more
    of it, had the window been larger.
    """

    path: str
    line: int
    end_line: int
    kind: Kind
    why: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and as much of its answer as came.

    `ended` is a `FinishReason`, or `stopped`, `failed`, `too long`; `error` then says more. Times are seconds,
    `asked_at` is Unix time. The model's reasoning is no part of the answer, and is kept nowhere.
    """

    question: str
    answer: str
    ended: str
    model: str
    request_id: str
    asked_at: float
    total_s: float
    first_s: float | None = None
    error: str = ""
    sources: tuple[Source, ...] = ()
    spent: Spent = field(default_factory=Spent)


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation that is kept; times are Unix seconds. `workspace`: where it began, an absolute path or ''."""

    id: str
    title: str
    workspace: str
    created_at: float
    used_at: float
    turns: int = 0
