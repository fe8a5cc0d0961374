"""Anthropic Messages: POST …/v1/messages, with the system prompt apart, and answers in blocks.

Protocol: https://docs.anthropic.com/en/api/messages and …/messages-streaming. Asking for JSON has no field
that every server of this format knows, so that wish goes into the system prompt. An answer that is begun is gone on
with by models before Claude 4.6 only; later ones refuse the request with 400
(https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-6#prefill-removal).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import Finished, ReasoningDelta, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, chat_request, endpoint, to_json
from beastmode.wire.decoding import JsonDecoder, complete
from beastmode.wire.filters import HeldBlank, Stops, Thinking
from beastmode.wire.shapes import arguments_object, count, finish_reason, loads, looks_like, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import ChatRequest, Message, Request
    from beastmode.domain.response import StreamEvent

VERSION = "2023-06-01"
HOTTEST = 1.0
"""The highest temperature that the API takes; OpenAI's go up to 2."""

JSON_ONLY = "Answer with one JSON value and nothing else: no explanation, no code fence."
TOOL_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")

COUNTED = frozenset(("model", "system", "messages", "tools", "tool_choice"))
"""The fields of a request that count for its size."""


class AnthropicMessages:
    """The format `anthropic-messages`: takes a `ChatRequest`."""

    name = "anthropic-messages"
    continues = False

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = chat_request(request, self.name)
        temperature = model.temperature if request.temperature is None else request.temperature
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "max_tokens": model.max_tokens if request.max_tokens is None else request.max_tokens,
            "temperature": min(temperature, HOTTEST),
            "stream": True,
            "messages": turns(request.messages),
        }
        if system := system_prompt(request):
            body["system"] = system
        if stop := [stop for stop in request.stop if stop.strip()]:
            body["stop_sequences"] = stop
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": json.loads(tool.parameters)}
                for tool in request.tools
            ]
            if choice := request.tool_choice:
                mode = TOOL_CHOICES.get(choice)
                body["tool_choice"] = {"type": mode} if mode else {"type": "tool", "name": choice}
        # The version comes before the path even where the base does not name it: …/anthropic means …/anthropic/v1.
        url = endpoint(model.endpoint_url, "/v1/messages", version="")
        return HttpCall(url, to_json(body), (("anthropic-version", VERSION),))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        request = chat_request(request, self.name)
        answer = BlockReader()
        # Stops of nothing but blanks are refused by the API, and so looked for here.
        stops = Stops(stop for stop in request.stop if not stop.strip())
        filters = (Thinking(), HeldBlank(_begun(request.messages)[1]), stops)
        return JsonDecoder(answer.piece, filters, content_type, whole=answer.whole)


def count_call(request: ChatRequest, model: ModelSpec) -> HttpCall:
    """The call that asks how many tokens a conversation has, which costs nothing.

    Protocol: https://docs.anthropic.com/en/api/messages-count-tokens.
    """
    call = AnthropicMessages().encode(request, model)
    body = {name: value for name, value in json.loads(call.body).items() if name in COUNTED}
    return HttpCall(f"{call.url}/count_tokens", to_json(body), call.headers, streams=False)


def counted(body: bytes) -> int:
    """The number in the answer to that call.

    Raises:
        InvalidFormat: there is none.
    """
    value = loads(body)
    tokens = count(mapping(value).get("input_tokens"))
    if tokens is None:
        raise InvalidFormat(looks_like(value))
    return tokens


def system_prompt(request: ChatRequest) -> str:
    """All system turns as one text, and the wish for JSON where there is one."""
    said = [message.text for message in request.messages if message.role == "system" and message.text]
    if request.json_mode or request.json_schema is not None:
        said.append(JSON_ONLY)
    if request.json_schema is not None:
        said.append(f"It fits this JSON schema: {request.json_schema}")
    return "\n\n".join(said)


def turns(conversation: Sequence[Message]) -> list[dict[str, Any]]:
    """The other turns, those of one side joined: the API wants the sides to alternate, and results before text."""
    conversation, _ = _begun(conversation)
    said: list[dict[str, Any]] = []
    for message in conversation:
        if message.role == "system" or not (content := list(blocks(message))):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if said and said[-1]["role"] == role:
            said[-1]["content"] += content
        else:
            said.append({"role": role, "content": content})
    return said


def blocks(message: Message) -> Iterator[dict[str, Any]]:
    """The blocks of one turn; empty text is left out, as the API refuses it."""
    content: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    content += [
        {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}
        for image in message.images
    ]
    if message.role == "tool":
        yield {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}
        return
    yield from content
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call.arguments)}


def _begun(conversation: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """The conversation, and the blanks at the end of an answer already begun, which the API refuses there."""
    if not conversation or conversation[-1].role != "assistant" or conversation[-1].tool_calls:
        return conversation, ""
    last = conversation[-1]
    text_so_far = last.text.rstrip()
    return (*conversation[:-1], replace(last, text=text_so_far)), last.text[len(text_so_far) :]


class BlockReader:
    """Reads one answer: tells the blocks of a stream apart by their numbers, and adds up its token counts."""

    def __init__(self) -> None:
        self._calls: dict[int | None, int] = {}
        self._silent: set[int | None] = set()
        self._counts: dict[str, int] = {}

    def piece(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        """The events in one event of a stream."""
        match payload.get("type"):
            case "content_block_delta":
                yield from self._delta(payload)
            case "content_block_start":
                yield from self._start(payload)
            case "content_block_stop":
                yield from self._stop(count(payload.get("index")))
            case "message_start":
                # How many tokens come out is not known yet, whatever the number there.
                yield from self._usage(mapping(payload.get("message")).get("usage"), is_final=False)
            case "message_delta":
                yield from self._usage(payload.get("usage"), is_final=True)
                yield from _end(mapping(payload.get("delta")))
            case "message_stop" | "ping":
                pass
            case "message":
                yield from self._message(payload)
            case kind if not isinstance(kind, str) or "choices" in payload or kind.startswith("response."):
                raise InvalidFormat(looks_like(payload))
            case _:
                pass  # the API may add kinds of events, says its versioning policy

    def whole(self, payload: dict[str, Any]) -> Sequence[StreamEvent]:
        """The events in a JSON body, which is complete as it parses: the specification's example says no reason."""
        return complete(self._message(payload))

    def _message(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        content = payload.get("content")
        if not isinstance(content, list) or "choices" in payload:
            raise InvalidFormat(looks_like(payload))
        for number, block in enumerate(map(mapping, content)):
            yield from self._start({"index": number, "content_block": {"type": "text", **block}})
            yield from self._stop(number)
        yield from self._usage(payload.get("usage"), is_final=True)
        yield from _end(payload)

    def _start(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        block = mapping(payload.get("content_block"))
        match block.get("type"):
            case "text":
                yield from _said(TextDelta, block.get("text"))
            case "thinking":
                yield from _said(ReasoningDelta, block.get("thinking"))
            case "tool_use":
                number = count(payload.get("index")) or 0
                index = self._calls.setdefault(number, len(self._calls))
                given = mapping(block.get("input"))
                if not given:
                    self._silent.add(number)
                arguments = json.dumps(given, ensure_ascii=False) if given else ""
                yield ToolCallDelta(index, text(block.get("id")), text(block.get("name")), arguments)

    def _delta(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        delta = mapping(payload.get("delta"))
        match delta.get("type"):
            case "text_delta":
                yield from _said(TextDelta, delta.get("text"))
            case "thinking_delta":
                yield from _said(ReasoningDelta, delta.get("thinking"))
            case "input_json_delta":
                number = count(payload.get("index")) or 0
                if number in self._calls and (part := text(delta.get("partial_json"))):
                    self._silent.discard(number)
                    yield ToolCallDelta(self._calls[number], "", "", part)

    def _stop(self, number: int | None) -> Iterator[StreamEvent]:
        """A call without arguments says nothing; JSON does not know that."""
        if number in self._silent:
            self._silent.discard(number)
            yield ToolCallDelta(self._calls[number], "", "", "{}")

    def _usage(self, counts: Any, *, is_final: bool) -> Iterator[StreamEvent]:
        """What is known so far. The counts only grow, and servers differ in which event holds the true ones."""
        for name in COUNTS:
            if (number := count(mapping(counts).get(name))) is not None:
                self._counts[name] = max(number, self._counts.get(name, 0))
        known = {name: number for name, number in self._counts.items() if is_final or name != "output_tokens"}
        if is_final or any(known.values()):
            used = usage(known)
            if used != Usage():
                yield UsageReport(used)


def usage(counts: dict[str, int]) -> Usage:
    """Anthropic's counts: `input_tokens` leaves out what the cache gave or took, so they are added."""
    read, write = counts.get("cache_read_input_tokens"), counts.get("cache_creation_input_tokens")
    fresh = counts.get("input_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (write or 0),
        output_tokens=counts.get("output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=write,
    )


def _said(kind: type[TextDelta | ReasoningDelta], value: Any) -> Iterator[StreamEvent]:
    if said := text(value):
        yield kind(said)


def _end(delta: dict[str, Any]) -> Iterator[StreamEvent]:
    if (reason := finish_reason(delta.get("stop_reason"))) is not None:
        yield Finished(reason)
