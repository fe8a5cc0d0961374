"""Ollama's native API: POST /api/chat, and /api/generate for holes; both stream JSON by lines.

Protocol: https://github.com/ollama/ollama/blob/main/docs/api.md. Two things speak for it over Ollama's OpenAI
imitation: the context window can be set (else a longer prompt is cut without a word), and a model's own template fills
holes. An answer that is begun is gone on with (https://github.com/ollama/ollama/issues/6778); `think` turns thinking
off (https://ollama.com/blog/thinking).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import Finished, FinishReason, ReasoningDelta, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, chat_request, endpoint, fim_request, to_json
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.filters import HeldBlank, Thinking
from beastmode.wire.fim_prompt import after, before, hold_back_blank, prompt, stops
from beastmode.wire.openai_chat import MOST_PARALLEL_CALLS, functions
from beastmode.wire.shapes import arguments_object, count, finish_reason, looks_like, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Message, Request
    from beastmode.domain.response import StreamEvent


class OllamaChat:
    """The format `ollama-chat`: takes a `ChatRequest`. Which tool is called is the model's choice: auto or none."""

    name = "ollama-chat"
    continues = True

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = chat_request(request, self.name)
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "messages": messages(request.messages),
            "stream": True,
            "options": {
                "num_ctx": model.context_window,
                "num_predict": model.max_tokens if request.max_tokens is None else request.max_tokens,
                "temperature": model.temperature if request.temperature is None else request.temperature,
                **({"stop": list(request.stop)} if request.stop else {}),
            },
        }
        if request.thinking is False:
            # Models that cannot think take it as well; only `true` is refused for those.
            body["think"] = False
        if request.tools and request.tool_choice != "none":
            body["tools"] = functions(request)
        if request.json_schema is not None:
            body["format"] = json.loads(request.json_schema)
        elif request.json_mode:
            body["format"] = "json"
        return HttpCall(_native(model, "/api/chat"), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        return JsonDecoder(LineReader().line, (Thinking(),), content_type, by_lines=True)


class OllamaGenerate:
    """The format `ollama-generate`: takes a `FimRequest`."""

    name = "ollama-generate"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = fim_request(request, self.name)
        template = model.fim_template
        stop = stops(request, template)
        # Without a suffix the server would put the text into its chat template, and the model would talk about it.
        by_server = template is None and request.suffix
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "prompt": before(request) if template is None else prompt(request, template),
            **({"suffix": after(request)} if by_server else {"raw": True}),
            "stream": True,
            "options": {
                "num_ctx": model.context_window,
                "num_predict": request.max_tokens,
                "temperature": request.temperature,
                **({"stop": stop} if stop else {}),
            },
        }
        return HttpCall(_native(model, "/api/generate"), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        _, blank = hold_back_blank(fim_request(request, self.name).prefix)
        return JsonDecoder(LineReader().line, (HeldBlank(blank),), content_type, by_lines=True)


def _native(model: ModelSpec, path: str) -> str:
    return endpoint(model.endpoint_url.rstrip("/").removesuffix("/api"), path, version="")


def messages(conversation: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation as Ollama spells it: arguments are objects, and results go by the tool's name."""
    names = {call.id: call.name for message in conversation for call in message.tool_calls}
    said: list[dict[str, Any]] = []
    for message in conversation:
        turn: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.images:
            turn["images"] = [image.data for image in message.images]
        if message.tool_calls:
            turn["tool_calls"] = [
                {"function": {"name": call.name, "arguments": arguments_object(call.arguments)}}
                for call in message.tool_calls
            ]
        if message.role == "tool":
            turn["tool_name"] = names.get(message.tool_call_id, "")
        said.append(turn)
    return said


class LineReader:
    """Reads one answer, line by line or in one piece; numbers its calls, as Ollama does not."""

    def __init__(self) -> None:
        self._calls = 0

    def line(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        """The events in one JSON object."""
        message = payload.get("message")
        if not isinstance(payload.get("done"), bool) or not isinstance(message, dict | None):
            raise InvalidFormat(looks_like(payload))
        message = mapping(message)
        if thought := text(message.get("thinking")) or text(payload.get("thinking")):
            yield ReasoningDelta(thought)
        if said := text(message.get("content")) or text(payload.get("response")):
            yield TextDelta(said)
        yield from self._call_events(message.get("tool_calls"))
        if payload["done"]:
            yield from self._end(payload)

    def _call_events(self, calls: Any) -> Iterator[StreamEvent]:
        for call in map(mapping, calls if isinstance(calls, list) else ()):
            function, index = mapping(call.get("function")), self._calls
            if index >= MOST_PARALLEL_CALLS:
                return
            self._calls += 1
            arguments = json.dumps(mapping(function.get("arguments")), ensure_ascii=False)
            yield ToolCallDelta(index, text(call.get("id")) or f"call_{index}", text(function.get("name")), arguments)

    def _end(self, payload: dict[str, Any]) -> Iterator[StreamEvent]:
        used = Usage(count(payload.get("prompt_eval_count")), count(payload.get("eval_count")))
        if used != Usage():
            yield UsageReport(used)
        # Old servers give no reason with `done`; and a call ends with the reason `stop`.
        reason = finish_reason(payload.get("done_reason")) or FinishReason.STOP
        yield Finished(FinishReason.TOOL_CALLS if self._calls and reason is FinishReason.STOP else reason)
