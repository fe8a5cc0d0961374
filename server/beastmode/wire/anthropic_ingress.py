"""Anthropic Messages as we serve it: a client's request to ours, our events to its stream or its JSON.

Protocol: https://docs.anthropic.com/en/api/messages. The other direction is anthropic_messages.py. Thinking of earlier
turns is left out, as it is signed for the model that thought it; fields that our requests have no room for are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat, UserError
from beastmode.domain.request import ChatRequest, Image, Message, Tool, ToolCall
from beastmode.domain.response import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from beastmode.domain.usage import Usage
from beastmode.wire.base import to_json
from beastmode.wire.fields import Place
from beastmode.wire.shapes import loads, mapping
from beastmode.wire.whole import gather, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.response import StreamEvent

STOP_REASONS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
}
TOOL_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
ERROR_TYPES = {
    "user_error": "invalid_request_error",
    "not_allowed": "permission_error",
    "model_not_found": "not_found_error",
    "context_overflow": "invalid_request_error",
    "content_filtered": "invalid_request_error",
    "rate_limited": "rate_limit_error",
    "timed_out": "timeout_error",
    "rejected": "invalid_request_error",
    "resting": "overloaded_error",
    "model_unavailable": "overloaded_error",
}


def parse(body: dict[str, Any]) -> tuple[ChatRequest, bool]:
    """The request in this body, and whether it asks for a stream.

    Raises:
        UserError: names the field that is wrong or that cannot be served, and what belongs there.
    """
    top = Place(body)
    system, _ = _content(top.at("system"))
    turns = [message for turn in top.at("messages").items() for message in _turn(turn)]
    if not turns:
        raise top.at("messages").wrong("at least one message")
    request = ChatRequest(
        (*([Message("system", system)] if system else []), *turns),
        model=top.at("model").text() or None,
        max_tokens=top.at("max_tokens").count(),
        temperature=top.at("temperature").number(),
        stop=tuple(stop.name() for stop in top.at("stop_sequences").items()),
        tools=tuple(map(_tool, top.at("tools").items())),
        tool_choice=_tool_choice(top.at("tool_choice")),
    )
    return request, top.at("stream").flag()


def _turn(place: Place) -> Iterator[Message]:
    """The messages in one turn: results of tools stand before what the user says."""
    role = place.at("role").name()
    if role not in ("user", "assistant"):
        raise place.at("role").wrong("user or assistant", "The system prompt goes into `system`")
    content = place.at("content")
    blocks = content.items() if isinstance(content.value, list) else []
    results = [block for block in blocks if block.at("type").value == "tool_result"]
    calls = [block for block in blocks if block.at("type").value == "tool_use"]
    for result in results:
        text, images = _content(result.at("content"))
        yield Message("tool", text, images, tool_call_id=result.at("tool_use_id").name())
    text, images = _content(content)
    if role == "assistant":
        yield Message("assistant", text, images, tuple(map(_call, calls)))
    elif text or images or not results:
        yield Message("user", text, images)


def _content(place: Place) -> tuple[str, tuple[Image, ...]]:
    if not isinstance(place.value, list):
        return place.text(), ()
    texts: list[str] = []
    images: list[Image] = []
    for block in place.items():
        match block.at("type").name():
            case "text":
                texts.append(block.at("text").text())
            case "image":
                images.append(_image(block.at("source")))
            case "tool_use" | "tool_result" | "thinking" | "redacted_thinking":
                pass
            case _:
                raise block.at("type").wrong("text, image, tool_use or tool_result")
    return "\n".join(texts), tuple(images)


def _image(place: Place) -> Image:
    if place.at("type").value != "base64":
        raise place.at("type").wrong("base64", "Send the picture itself; nothing is fetched from the network here")
    return Image(place.at("media_type").name(), place.at("data").name())


def _call(place: Place) -> ToolCall:
    return ToolCall(place.at("id").name(), place.at("name").name(), place.at("input").json())


def _tool(place: Place) -> Tool:
    if place.at("type").value not in (None, "custom"):
        raise place.at("type").wrong("custom", "Tools that run at the provider cannot be had here")
    return Tool(place.at("name").name(), place.at("description").text(), place.at("input_schema").json())


def _tool_choice(place: Place) -> str | None:
    if place.value is None:
        return None
    kind = place.at("type").name()
    if kind == "tool":
        return place.at("name").name()
    if kind not in TOOL_CHOICES:
        raise place.at("type").wrong("auto, any, none or tool")
    return TOOL_CHOICES[kind]


class AnthropicEncoder:
    """Writes one answer as a stream. An answer that fails is never given the end that a whole one has.

    The API's blocks come one after the other, while other servers may mix the pieces of several calls. So once a call
    has begun, what is not part of it waits for the end: nothing is lost, and no block is open beside another.
    """

    def __init__(self) -> None:
        self._started = Started("", "")
        self._begun = False
        self._blocks = 0
        self._open: str | int | None = None
        self._waiting: dict[int, ToolCall] = {}
        self._later: list[TextDelta | ReasoningDelta] = []
        self._usage = Usage()
        self._finish: FinishReason | None = None

    def encode_event(self, event: StreamEvent) -> bytes:
        """The bytes for an event; none where the API has nothing for it, or not yet."""
        match event:
            case TextDelta() | ReasoningDelta():
                if not isinstance(self._open, int):
                    return self._begin() + self._say(event)
                self._later.append(event)
            case ToolCallDelta():
                return self._begin() + self._call(event)
            case UsageReport(usage):
                self._usage = self._usage.merge(usage)
            case Finished(reason):
                self._finish = reason
            case Started():
                self._started, self._usage = event, Usage()
        return b""

    def close(self) -> bytes:
        """The bytes after the last event, usage in them; none where the answer is not complete."""
        if self._finish is None:
            return b""
        said = self._begin()
        for index, call in self._waiting.items():
            said += self._open_call(index, call)
        for event in self._later:
            said += self._say(event)
        said += self._stop()
        delta = {"stop_reason": STOP_REASONS[self._finish], "stop_sequence": None}
        said += _event("message_delta", delta=delta, usage=usage_body(self._usage))
        return said + _event("message_stop")

    def fail(self, error: BeastModeError) -> bytes:
        """The bytes instead of an end."""
        return _event("error", **error_body(error))

    def _begin(self) -> bytes:
        """The start of the message, once; as late as can be, since by then some servers have counted the prompt."""
        if self._begun:
            return b""
        self._begun = True
        return _event("message_start", message=_message(self._started, usage_body(self._usage)))

    def _say(self, event: TextDelta | ReasoningDelta) -> bytes:
        kind, field = ("text", "text") if isinstance(event, TextDelta) else ("thinking", "thinking")
        said = b""
        if self._open != kind:
            signed = {"signature": ""} if kind == "thinking" else {}
            said = self._next(kind, {"type": kind, field: "", **signed})
        return said + self._delta({"type": f"{kind}_delta", field: event.text})

    def _call(self, piece: ToolCallDelta) -> bytes:
        if self._open == piece.index:
            return self._arguments(piece.arguments)
        call = joined(self._waiting.get(piece.index), piece)
        if isinstance(self._open, int) or not (call.id and call.name):
            # A block starts with its name, so a call is only opened once it has one.
            self._waiting[piece.index] = call
            return b""
        self._waiting.pop(piece.index, None)
        return self._open_call(piece.index, call)

    def _open_call(self, index: int, call: ToolCall) -> bytes:
        block = {"type": "tool_use", "id": call.id or f"toolu_{index}", "name": call.name, "input": {}}
        return self._next(index, block) + self._arguments(call.arguments)

    def _arguments(self, part: str) -> bytes:
        return self._delta({"type": "input_json_delta", "partial_json": part}) if part else b""

    def _next(self, key: str | int, block: dict[str, Any]) -> bytes:
        """Close the open block and open this one."""
        said = self._stop()
        self._open, self._blocks = key, self._blocks + 1
        return said + _event("content_block_start", index=self._blocks - 1, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._blocks - 1, delta=delta)

    def _stop(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._blocks - 1)


def encode_whole(events: Iterable[StreamEvent]) -> dict[str, Any]:
    """The JSON body for the events of one answer.

    Raises:
        StreamCut: the answer is not complete.
        InvalidFormat: a call's arguments are no JSON object. Where the token limit cut it, the call is left out.
    """
    answer = gather(events)
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": ""})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for number, call in enumerate(answer.calls):
        if (given := _input(call)) is not None:
            content.append({"type": "tool_use", "id": call.id or f"toolu_{number}", "name": call.name, "input": given})
        elif answer.finish is not FinishReason.LENGTH:
            raise InvalidFormat(f"a call of {call.name} whose arguments are no JSON object")
    message = _message(Started(answer.model, answer.request_id), usage_body(answer.usage))
    return {**message, "content": content, "stop_reason": STOP_REASONS[answer.finish]}


def _input(call: ToolCall) -> dict[str, Any] | None:
    try:
        value = loads((call.arguments or "{}").encode("utf-8", "replace"))
    except InvalidFormat:
        return None
    return mapping(value) if isinstance(value, dict) else None


def usage_body(usage: Usage) -> dict[str, int]:
    """Anthropic's counts: the cached tokens apart. The API knows no unknown number of tokens and gets a 0 there."""
    read, write = usage.cache_read_tokens, usage.cache_write_tokens
    return {
        "input_tokens": max((usage.input_tokens or 0) - (read or 0) - (write or 0), 0),
        **({} if read is None else {"cache_read_input_tokens": read}),
        **({} if write is None else {"cache_creation_input_tokens": write}),
        "output_tokens": usage.output_tokens or 0,
    }


def error_body(error: BeastModeError) -> dict[str, Any]:
    """An error of ours as the API's error object."""
    fallback = "invalid_request_error" if isinstance(error, UserError) else "api_error"
    return {"type": "error", "error": {"type": ERROR_TYPES.get(error.kind, fallback), "message": str(error)}}


def _message(started: Started, usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": f"msg_{started.request_id}",
        "type": "message",
        "role": "assistant",
        "model": started.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), to_json({"type": kind, **fields}))
