"""What a model answers: a stream of events, and the whole that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.usage import Usage


class FinishReason(StrEnum):
    """Why a model stopped; `LENGTH` is an answer cut by its token limit."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True)
class Started:
    """The first event of a routed answer: who is answering, and why. The router makes it, never a wire format."""

    model: str
    request_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's thinking: kept apart, never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a call that the model wants made; `index` tells parallel calls apart."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens so far, as the endpoint counts them."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete, and the endpoint said why."""

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors that were asked for: the endpoint's own list, passed on as it is."""

    data: Sequence[Any]


StreamEvent = Started | TextDelta | ReasoningDelta | ToolCallDelta | Vectors | UsageReport | Finished


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, and the model that gave it."""

    text: str
    model: str
    finish: FinishReason
    usage: Usage
    request_id: str
