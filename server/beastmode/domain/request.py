"""What can be asked of a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from beastmode.domain.context import Snippet


class Task(StrEnum):
    """What a request is for; a route is chosen by it and the ledger counts by it."""

    INLINE = "inline"
    CHAT = "chat"
    FEATURE = "feature"
    REFACTOR = "refactor"
    TESTS = "tests"
    EMBEDDINGS = "embeddings"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: its media type (`image/png`) and its bytes in base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model made; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is its JSON schema as JSON text."""

    name: str
    description: str
    parameters: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A turn of the role `tool` is the result of the call `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued.

    `model` None means: the user's route for the task decides. `max_tokens` and `temperature` None mean: as the
    model's row says. `local_only`: nothing of it may leave this machine. `tool_choice` is auto, none, required, or a
    tool's name. `json_mode`: the answer must be JSON; `json_schema` (JSON text) says of which shape. `thinking` False
    asks the model not to think before it answers, where its format has a switch for that. `user` is who asks, by name;
    '' is the owner of this machine.
    """

    messages: tuple[Message, ...]
    task: Task = Task.CHAT
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    local_only: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    json_mode: bool = False
    json_schema: str | None = None
    thinking: bool | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class FimRequest:
    """A hole in a file to be filled: what stands before it and what stands after it.

    `snippets` are code from elsewhere that may help, in the order in which they are to stand before the prefix: what
    changes least comes first, so that a server's cache keeps what it has read.
    """

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
    snippets: tuple[Snippet, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to be made vectors. No other model steps in, for its vectors would mean something else.

    `dimensions` None means: as many as the model has. `encoding` is how the numbers are to be written (float, base64),
    "" for the endpoint's own way.
    """

    texts: tuple[str, ...]
    task: Task = Task.EMBEDDINGS
    model: str | None = None
    local_only: bool = False
    dimensions: int | None = None
    encoding: str = ""
    user: str = ""


Request = ChatRequest | FimRequest | EmbedRequest
