"""OpenAI chat completions, the lingua franca of model servers: POST …/chat/completions.

Protocol: https://platform.openai.com/docs/api-reference/chat; the reasoning fields are those of DeepSeek, vLLM,
llama.cpp (`reasoning_content`) and OpenRouter, Ollama (`reasoning`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.request import ChatRequest
from beastmode.domain.response import Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, endpoint, to_json
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.filters import Thinking
from beastmode.wire.shapes import count, finish_reason, looks_like, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Message, Request
    from beastmode.domain.response import StreamEvent
    from beastmode.wire.base import Decoder
    from beastmode.wire.filters import Filter

MOST_PARALLEL_CALLS = 128


class OpenAIChat:
    """The format `openai-chat`: takes a `ChatRequest`."""

    name = "openai-chat"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        if not isinstance(request, ChatRequest):
            raise TypeError(f"openai-chat takes a ChatRequest, not a {type(request).__name__}")
        return chat_call(
            model,
            request.messages,
            max_tokens=model.max_tokens if request.max_tokens is None else request.max_tokens,
            temperature=model.temperature if request.temperature is None else request.temperature,
            stop=request.stop,
        )

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        return chat_decoder(content_type)


def chat_call(
    model: ModelSpec, messages: Sequence[Message], *, max_tokens: int, temperature: float, stop: Sequence[str] = ()
) -> HttpCall:
    """The call for these messages; also what formats that ride on chat send."""
    body: dict[str, Any] = {
        "model": model.upstream_id,
        "messages": [{"role": message.role, "content": message.text} for message in messages],
        "max_tokens": max_tokens,
        "temperature": temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if stop:
        body["stop"] = list(stop)
    return HttpCall(endpoint(model.endpoint_url, "/chat/completions"), to_json(body))


def chat_decoder(content_type: str, *filters: Filter) -> JsonDecoder:
    """A reader whose text goes through these filters after the model's thinking has been taken out."""
    return JsonDecoder(parse, (Thinking(), *filters), content_type)


def parse(payload: dict[str, Any]) -> Iterator[StreamEvent]:
    """The events in one chunk of a stream (`delta`) or one whole answer (`message`)."""
    choice = first_choice(payload)
    if choice and "delta" not in choice and "message" not in choice:
        raise InvalidFormat(looks_like(payload))
    delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
    if thought := text(delta.get("reasoning_content")) or text(delta.get("reasoning")):
        yield ReasoningDelta(thought)
    if content := delta.get("content"):
        yield from content_events(content)
    if calls := delta.get("tool_calls"):
        yield from call_events(calls)
    yield from ending_events(payload, choice)


def content_events(content: Any) -> Iterator[StreamEvent]:
    """The text of a message: a string, or a list of parts as Mistral's reasoning models send."""
    if not isinstance(content, list):
        if said := text(content):
            yield TextDelta(said)
        return
    for part in map(mapping, content):
        if part.get("type") == "thinking":
            thought = part.get("thinking")
            yield from (ReasoningDelta(t.text) for t in content_events(thought) if isinstance(t, TextDelta))
        elif said := text(part.get("text")):
            yield TextDelta(said)


def call_events(calls: Any) -> Iterator[StreamEvent]:
    """The pieces of tool calls in a message."""
    if not isinstance(calls, list):
        return
    for position, call in enumerate(map(mapping, calls)):
        function = mapping(call.get("function"))
        index = count(call.get("index"))
        index = position if index is None else index
        if index < MOST_PARALLEL_CALLS:
            yield ToolCallDelta(
                index, text(call.get("id")), text(function.get("name")), text(function.get("arguments"))
            )


def first_choice(payload: dict[str, Any]) -> dict[str, Any]:
    """Choice number 0, {} where a chunk has none (usage, or a hosted service's preamble).

    Raises:
        InvalidFormat: the payload is of another format.
    """
    choices = payload.get("choices")
    if not isinstance(choices, list):
        raise InvalidFormat(looks_like(payload))
    for choice in choices:
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return {}


def ending_events(payload: dict[str, Any], choice: dict[str, Any]) -> Iterator[StreamEvent]:
    """Usage and the finish reason, in this order, so that nobody who stops at the end misses the usage."""
    if (counts := mapping(payload.get("usage"))) and (used := usage(counts)) != Usage():
        yield UsageReport(used)
    if (reason := finish_reason(choice.get("finish_reason"))) is not None:
        yield Finished(reason)


def usage(counts: dict[str, Any]) -> Usage:
    """OpenAI's counts; `prompt_tokens` includes the cached ones. DeepSeek names its cache hits otherwise."""
    cached = count(mapping(counts.get("prompt_tokens_details")).get("cached_tokens"))
    return Usage(
        input_tokens=count(counts.get("prompt_tokens")),
        output_tokens=count(counts.get("completion_tokens")),
        cache_read_tokens=count(counts.get("prompt_cache_hit_tokens")) if cached is None else cached,
        reasoning_tokens=count(mapping(counts.get("completion_tokens_details")).get("reasoning_tokens")),
    )
