"""OpenAI chat completions, the lingua franca of model servers: POST …/chat/completions.

Protocol: https://platform.openai.com/docs/api-reference/chat; the reasoning fields are those of DeepSeek, vLLM,
llama.cpp (`reasoning_content`) and OpenRouter, Ollama (`reasoning`).

How a server is told to go on with an answer that is begun, and not to think:

- llama.cpp goes on by itself, but not where the model thinks (https://github.com/ggml-org/llama.cpp/pull/13174 and
  …/pull/15404); new versions send the beginning along with what is new.
- vLLM has `continue_final_message` and `add_generation_prompt`, and like llama.cpp hands `chat_template_kwargs` to the
  model's template (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html).
- Mistral and DeepSeek have `prefix` in the message (https://docs.mistral.ai/api/,
  https://api-docs.deepseek.com/guides/chat_prefix_completion), DeepSeek `thinking`
  (https://api-docs.deepseek.com/guides/thinking_mode).
- OpenAI's `reasoning_effort` is refused by its models that do not reason, so it is not sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, chat_request, endpoint, to_json
from beastmode.wire.decoding import JsonDecoder, complete
from beastmode.wire.filters import Echo, Thinking
from beastmode.wire.shapes import count, finish_reason, looks_like, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import ChatRequest, Message, Request
    from beastmode.domain.response import StreamEvent

MOST_PARALLEL_CALLS = 128


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """The format `openai-chat`, and its dialects where a hosted service refuses what all others take.

    Args:
        name: of the format.
        limit_field: what the answer's length is called; OpenAI's reasoning models know `max_completion_tokens` only.
        own_temperature: whether the model's row sets the temperature where the request does not; OpenAI's reasoning
            models refuse any.
        asks_usage: whether a stream has to be asked for its token counts; Mistral sends them anyway, and refuses the
            question.
        continues: whether an answer that is begun (a last message of the assistant) is usually gone on with.
        to_continue: fields of the body that a server needs for that.
        marks_begun: the begun answer itself says so, by `prefix`.
        unthinking: fields of the body that turn thinking off, where a request asks for that.
    """

    name: str = "openai-chat"
    limit_field: str = "max_tokens"
    own_temperature: bool = True
    asks_usage: bool = True
    continues: bool = False
    to_continue: Mapping[str, Any] = field(default_factory=dict)
    marks_begun: bool = False
    unthinking: Mapping[str, Any] = field(default_factory=dict)

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = chat_request(request, self.name)
        temperature = request.temperature
        if temperature is None and self.own_temperature:
            temperature = model.temperature
        body = {
            "model": model.upstream_id,
            "messages": self._messages(request.messages),
            self.limit_field: model.max_tokens if request.max_tokens is None else request.max_tokens,
            **({} if temperature is None else {"temperature": temperature}),
            "stream": True,
            **({"stream_options": {"include_usage": True}} if self.asks_usage else {}),
            **options(request),
            **(self.to_continue if _is_begun(request.messages) else {}),
            **(self.unthinking if request.thinking is False else {}),
        }
        return HttpCall(endpoint(model.endpoint_url, "/chat/completions"), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        said = chat_request(request, self.name).messages
        begun = said[-1].text if _is_begun(said) else ""
        return JsonDecoder(parse, (Thinking(), Echo(begun)), content_type, whole=parse_whole)

    def _messages(self, conversation: Sequence[Message]) -> list[dict[str, Any]]:
        said = messages(conversation)
        if self.marks_begun and _is_begun(conversation):
            said[-1]["prefix"] = True
        return said


def _is_begun(conversation: Sequence[Message]) -> bool:
    return bool(conversation) and conversation[-1].role == "assistant" and not conversation[-1].tool_calls


def messages(conversation: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation as OpenAI spells it.

    Results of tools hold text only there, so their pictures follow in a turn of the user, after the last result.
    """
    said: list[dict[str, Any]] = []
    pictures: list[dict[str, Any]] = []
    for message in conversation:
        if pictures and message.role != "tool":
            said.append({"role": "user", "content": pictures})
            pictures = []
        turn: dict[str, Any] = {"role": message.role, "content": message.text}
        images = [
            {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.data}"}}
            for image in message.images
        ]
        if message.role == "tool":
            turn["tool_call_id"] = message.tool_call_id
            pictures += images
        elif images:
            turn["content"] = [*([{"type": "text", "text": message.text}] if message.text else []), *images]
        if message.tool_calls:
            turn["content"] = message.text or None
            turn["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in message.tool_calls
            ]
        said.append(turn)
    return [*said, {"role": "user", "content": pictures}] if pictures else said


def options(request: ChatRequest) -> dict[str, Any]:
    """What a request asks for beyond an answer: stops, tools, a shape; only the fields that say something."""
    body: dict[str, Any] = {}
    if request.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        body["tools"] = functions(request)
        if choice := request.tool_choice:
            modes = ("auto", "none", "required")
            body["tool_choice"] = choice if choice in modes else {"type": "function", "function": {"name": choice}}
    if request.json_schema is not None:
        schema = {"name": "answer", "schema": json.loads(request.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.json_mode:
        body["response_format"] = {"type": "json_object"}
    return body


def functions(request: ChatRequest) -> list[dict[str, Any]]:
    """The tools as OpenAI and Ollama spell them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": json.loads(tool.parameters)},
        }
        for tool in request.tools
    ]


def parse(payload: dict[str, Any]) -> Sequence[StreamEvent]:
    """The events in one chunk of a stream (`delta`) or one whole answer (`message`)."""
    choice = first_choice(payload)
    delta = choice.get("delta") or choice.get("message")
    if not isinstance(delta, dict):
        if choice and "delta" not in choice and "message" not in choice:
            raise InvalidFormat(looks_like(payload))
        return list(ending_events(payload, choice))
    said: list[StreamEvent] = []
    if thought := text(delta.get("reasoning_content")) or text(delta.get("reasoning")):
        said.append(ReasoningDelta(thought))
    if content := delta.get("content"):
        said += (TextDelta(content),) if isinstance(content, str) else content_events(content)
    if calls := delta.get("tool_calls"):
        said += call_events(calls)
    if choice.get("finish_reason") or payload.get("usage"):
        said += ending_events(payload, choice)
    return said


def parse_whole(payload: dict[str, Any]) -> Sequence[StreamEvent]:
    """The events in a whole answer; one without a finish reason, as in the specification's example, is complete."""
    events = parse(payload)
    return complete(events) if "message" in first_choice(payload) else events


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
    """OpenAI's counts; `prompt_tokens` includes the cached ones.

    DeepSeek names its cache hits otherwise; OpenRouter also counts what was written to the cache.
    """
    prompt = mapping(counts.get("prompt_tokens_details"))
    cached = count(prompt.get("cached_tokens"))
    return Usage(
        input_tokens=count(counts.get("prompt_tokens")),
        output_tokens=count(counts.get("completion_tokens")),
        cache_read_tokens=count(counts.get("prompt_cache_hit_tokens")) if cached is None else cached,
        cache_write_tokens=count(prompt.get("cache_write_tokens")),
        reasoning_tokens=count(mapping(counts.get("completion_tokens_details")).get("reasoning_tokens")),
    )
