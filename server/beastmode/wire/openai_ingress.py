"""OpenAI chat completions as we serve it: a client's request to ours, our events to its stream or its JSON.

Protocol: https://platform.openai.com/docs/api-reference/chat. The other direction is openai_chat.py. Fields that our
requests have no room for (seeds, penalties, log probabilities) are ignored, as most servers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import UserError
from beastmode.domain.request import ChatRequest, Image, Message, Tool, ToolCall
from beastmode.domain.response import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import to_json
from beastmode.wire.fields import Place
from beastmode.wire.whole import gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.response import StreamEvent

DONE = b"data: [DONE]\n\n"
TYPES = {
    "not_allowed": "permission_error",
    "rate_limited": "rate_limit_error",
    "context_overflow": "invalid_request_error",
    "content_filtered": "invalid_request_error",
    "rejected": "invalid_request_error",
}
"""Of errors; others are the client's where they are a UserError, else ours."""
CODES = {
    "context_overflow": "context_length_exceeded",
    "content_filtered": "content_filter",
    "rate_limited": "rate_limit_exceeded",
}
"""What clients look for; other errors keep our own name."""
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def parse(body: dict[str, Any]) -> tuple[ChatRequest, bool]:
    """The request in this body, and whether it asks for a stream.

    Raises:
        UserError: names the field that is wrong or that cannot be served, and what belongs there.
    """
    top = Place(body)
    if top.at("n").value not in (None, 1):
        raise top.at("n").wrong("1", "Send the request once for each answer")
    if top.at("functions").value:
        raise top.at("functions").wrong("nothing", "Send `tools`, which replaced it")
    messages = tuple(map(_message, top.at("messages").items()))
    if not messages:
        raise top.at("messages").wrong("at least one message")
    limit = top.at("max_completion_tokens").count()
    json_mode, json_schema = _shape(top.at("response_format"))
    request = ChatRequest(
        messages,
        model=top.at("model").text() or None,
        max_tokens=top.at("max_tokens").count() if limit is None else limit,
        temperature=top.at("temperature").number(),
        stop=stops(top.at("stop")),
        tools=tuple(map(_tool, top.at("tools").items())),
        tool_choice=tool_choice(top.at("tool_choice")),
        json_mode=json_mode,
        json_schema=json_schema,
    )
    return request, top.at("stream").flag()


def wants_usage(body: dict[str, Any]) -> bool:
    """Whether a stream for this request ends with its token counts."""
    return Place(body).at("stream_options").at("include_usage").flag()


def _message(place: Place) -> Message:
    role = ROLES.get(place.at("role").name())
    text, images = _content(place.at("content"))
    calls = tuple(map(_call, place.at("tool_calls").items()))
    match role:
        case "system" | "user":
            return Message(role, text, images)
        case "assistant":
            return Message(role, text, images, calls)
        case "tool":
            return Message(role, text, images, tool_call_id=place.at("tool_call_id").name())
        case _:
            raise place.at("role").wrong("system, developer, user, assistant or tool")


def _content(place: Place) -> tuple[str, tuple[Image, ...]]:
    if not isinstance(place.value, list):
        return place.text(), ()
    texts: list[str] = []
    images: list[Image] = []
    for part in place.items():
        match part.at("type").name():
            case "text":
                texts.append(part.at("text").text())
            case "refusal":
                texts.append(part.at("refusal").text())
            case "image_url":
                images.append(image(part.at("image_url").at("url")))
            case _:
                raise part.at("type").wrong("text or image_url")
    return "\n".join(texts), tuple(images)


def image(place: Place) -> Image:
    """The picture in a `data:` URL."""
    head, comma, data = place.name().partition(",")
    scheme, _, media_type = head.removesuffix(";base64").partition(":")
    if scheme != "data" or not comma or not head.endswith(";base64") or not media_type.startswith("image/"):
        raise place.wrong("data:image/…;base64,…", "Send the picture itself; nothing is fetched from the network here")
    return Image(media_type, data)


def _call(place: Place) -> ToolCall:
    function = place.at("function")
    return ToolCall(place.at("id").name(), function.at("name").name(), function.at("arguments").text())


def _tool(place: Place) -> Tool:
    if place.at("type").value != "function":
        raise place.at("type").wrong("function")
    function = place.at("function")
    return Tool(function.at("name").name(), function.at("description").text(), function.at("parameters").json())


def tool_choice(place: Place) -> str | None:
    """auto, none, required, or the name in an object of the API."""
    if isinstance(place.value, dict):
        return place.at("function").at("name").name()
    choice = place.text()
    if choice not in ("", "auto", "none", "required"):
        raise place.wrong("auto, none, required or a function's name")
    return choice or None


def stops(place: Place) -> tuple[str, ...]:
    """One text that ends the answer, or several."""
    if isinstance(place.value, list):
        return tuple(stop.name() for stop in place.items())
    return (stop,) if (stop := place.text()) else ()


def _shape(place: Place) -> tuple[bool, str | None]:
    match place.at("type").text():
        case "" | "text":
            return False, None
        case "json_object":
            return True, None
        case "json_schema":
            return True, place.at("json_schema").at("schema").json()
        case _:
            raise place.at("type").wrong("text, json_object or json_schema")


class OpenAIEncoder:
    """Writes one answer as a stream. An answer that fails is never given the end that a whole one has.

    Args:
        created: Unix time in seconds.
        include_usage: see `wants_usage`.
    """

    def __init__(self, created: int, *, include_usage: bool = False) -> None:
        self._top: dict[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": created, "model": ""}
        self._include_usage = include_usage
        self._usage = Usage()
        self._begun = False
        self._finished = False

    def encode_event(self, event: StreamEvent) -> bytes:
        """The bytes for an event; none where the API has nothing for it, or not yet."""
        match event:
            case Started(model=model, request_id=request_id):
                self._top |= {"id": f"chatcmpl-{request_id}", "model": model}
                self._usage = Usage()
            case TextDelta(text):
                return self._chunk({"content": text})
            case ReasoningDelta(text):
                return self._chunk({"reasoning_content": text})
            case ToolCallDelta():
                return self._chunk({"tool_calls": [call_piece(event)]})
            case UsageReport(usage):
                self._usage = self._usage.merge(usage)
            case Finished(reason):
                self._finished = True
                return self._chunk({}, reason.value)
            case _:
                pass
        return b""

    def close(self) -> bytes:
        """The bytes after the last event: usage, and the end; none where the answer is not complete."""
        if not self._finished:
            return b""
        usage = usage_body(self._usage) if self._include_usage else None
        return (_data({**self._top, "choices": [], "usage": usage}) if usage else b"") + DONE

    def fail(self, error: BeastModeError) -> bytes:
        """The bytes instead of an end."""
        return _data(error_body(error))

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        if not self._begun:
            self._begun, delta = True, {"role": "assistant", **delta}
        return _data({**self._top, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def encode_whole(events: Iterable[StreamEvent], created: int) -> dict[str, Any]:
    """The JSON body for the events of one answer.

    Raises:
        StreamCut: the answer is not complete.
    """
    answer = gather(events)
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or (None if answer.calls else "")}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
    usage = usage_body(answer.usage)
    return {
        "id": f"chatcmpl-{answer.request_id}",
        "object": "chat.completion",
        "created": created,
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish.value}],
        **({"usage": usage} if usage else {}),
    }


def call_piece(event: ToolCallDelta) -> dict[str, Any]:
    """A piece of a call; what it does not say is left out, as clients join what they get."""
    head = {"id": event.id, "type": "function"} if event.id else {}
    name = {"name": event.name} if event.name else {}
    return {"index": event.index, **head, "function": {**name, "arguments": event.arguments}}


def usage_body(usage: Usage) -> dict[str, Any]:
    """OpenAI's counts, as far as they are known; the names of the cache counts are also OpenRouter's."""
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    if usage.input_tokens is not None and usage.output_tokens is not None:
        counts["total_tokens"] = usage.input_tokens + usage.output_tokens
    prompt = _known({"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens})
    completion = _known({"reasoning_tokens": usage.reasoning_tokens})
    return {
        **_known(counts),
        **({"prompt_tokens_details": prompt} if prompt else {}),
        **({"completion_tokens_details": completion} if completion else {}),
    }


def error_body(error: BeastModeError) -> dict[str, Any]:
    """An error of ours as the API's error object."""
    kind = "invalid_request_error" if isinstance(error, UserError) else "server_error"
    code = CODES.get(error.kind, error.kind)
    return {"error": {"message": str(error), "type": TYPES.get(error.kind, kind), "param": None, "code": code}}


def _known(counts: dict[str, int | None]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number is not None}


def _data(value: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % to_json(value)
