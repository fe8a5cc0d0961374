"""What can be asked of a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Task(StrEnum):
    """What a request is for; a route is chosen by it and the ledger counts by it."""

    INLINE = "inline"
    CHAT = "chat"
    FEATURE = "feature"
    REFACTOR = "refactor"
    TESTS = "tests"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued.

    `model` None means: the user's route for the task decides. `max_tokens` and `temperature` None mean: as the
    model's row says. `local_only`: nothing of it may leave this machine.
    """

    messages: tuple[Message, ...]
    task: Task = Task.CHAT
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class FimRequest:
    """A hole in a file to be filled: what stands before it and what stands after it."""

    prefix: str
    suffix: str
    path: str = ""
    language: str = ""
    task: Task = Task.INLINE
    model: str | None = None
    max_tokens: int = 64
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    local_only: bool = False


Request = ChatRequest | FimRequest
