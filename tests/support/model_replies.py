"""What the model server says, dialect by dialect: whole bodies, and streams as frames. Standard library only.

A frame says whether it carries text of the answer, as the server counts, delays and cuts by those. The bytes are
written here by hand, and share nothing with the code under test.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS = {"path": "a.py"}
THEN = 1_700_000_000


def sse(value: object, event: str = "") -> bytes:
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def embeddings(model: str, body: dict[str, Any], tokens: int, *, says_usage: bool) -> dict[str, Any]:
    """OpenAI's embeddings: vectors that tell how long each text is, as numbers or as little-endian floats in base64."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = []
    for index, text in enumerate(texts):
        numbers = [float(len(text)), 0.5, -0.25][: body.get("dimensions", 3)]
        raw = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        vector = raw if body.get("encoding_format") == "base64" else numbers
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}} if says_usage else {}
    return {"object": "list", "data": data, "model": model, **usage}


class Reply:
    """One answer; the subclasses are the dialects.

    Args:
        spec: the behaviour asked for, see model_server.py.
        model: what the client called it.
        pieces: the text, in tokens.
        reason: stop, length or tool_calls.
        counts: tokens of the prompt and of the answer.
        asks_usage: whether the client asked for usage in its stream.
    """

    content_type = "text/event-stream"

    def __init__(
        self,
        spec: dict[str, str],
        model: str,
        pieces: list[str],
        reason: str,
        counts: tuple[int, int],
        *,
        asks_usage: bool,
    ) -> None:
        self.spec = spec
        self.model = model
        self.pieces = pieces
        self.reason = reason
        self.prompt, self.out = counts
        self.cached = int(spec.get("cache", 0))
        self.says_usage = "nousage" not in spec
        self.asks_usage = asks_usage

    @property
    def said(self) -> str:
        return "".join(self.pieces)

    def frames(self) -> Iterator[tuple[bytes, bool]]:
        if head := self.start():
            yield head, False
        if "think" in self.spec:
            yield self.thought(self.spec["think"]), False
        for number, piece in enumerate(self.pieces):
            if number == int(self.spec.get("errmid", -1)):
                yield self.error(), False
                return
            if number == int(self.spec.get("badjson", -1)):
                yield self.broken(), False
                return
            yield self.text(piece), True
        if "tool" in self.spec:
            yield self.call(self.spec["tool"]), False
        if "nofinish" not in self.spec:
            yield self.end(), False

    def whole(self) -> dict[str, Any]:
        raise NotImplementedError

    def start(self) -> bytes:
        return b""

    def thought(self, text: str) -> bytes:
        raise NotImplementedError

    def text(self, piece: str) -> bytes:
        raise NotImplementedError

    def call(self, name: str) -> bytes:
        raise NotImplementedError

    def end(self) -> bytes:
        raise NotImplementedError

    def error(self) -> bytes:
        return sse({"error": {"message": "the model ran out of memory", "type": "server_error"}})

    def broken(self) -> bytes:
        return b'data: {"choices": [{"delta": \n\n'


class ChatReply(Reply):
    """OpenAI's chat."""

    kind = "chat.completion.chunk"

    @property
    def usage(self) -> dict[str, Any]:
        counts = {"prompt_tokens": self.prompt, "completion_tokens": self.out, "total_tokens": self.prompt + self.out}
        return {**counts, "prompt_tokens_details": {"cached_tokens": self.cached}}

    def top(self, kind: str) -> dict[str, Any]:
        return {"id": "mock-1", "object": kind, "created": THEN, "model": self.model}

    def chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return sse({**self.top(self.kind), "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def tool_calls(self, name: str) -> list[dict[str, Any]]:
        function = {"name": name, "arguments": json.dumps(ARGUMENTS)}
        return [{"index": 0, "id": "call_mock", "type": "function", "function": function}]

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.said}
        if "think" in self.spec:
            message["reasoning_content"] = self.spec["think"]
        if "tool" in self.spec:
            message["tool_calls"] = self.tool_calls(self.spec["tool"])
        choice = {"index": 0, "message": message, "finish_reason": self.reason}
        return {
            **self.top("chat.completion"),
            "choices": [choice],
            **({"usage": self.usage} if self.says_usage else {}),
        }

    def thought(self, text: str) -> bytes:
        return self.chunk({"reasoning_content": text})

    def text(self, piece: str) -> bytes:
        return self.chunk({"content": piece})

    def call(self, name: str) -> bytes:
        return self.chunk({"tool_calls": self.tool_calls(name)})

    def last(self) -> bytes:
        return self.chunk({}, self.reason)

    def end(self) -> bytes:
        said = self.last()
        if self.asks_usage and self.says_usage:
            said += sse({"id": "mock-1", "model": self.model, "choices": [], "usage": self.usage})
        return said if "nodone" in self.spec else said + b"data: [DONE]\n\n"


class FimReply(ChatReply):
    """Mistral's: the shape of a chat; usage comes unasked, with the reason."""

    def end(self) -> bytes:
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": self.reason}
        said = sse({**self.top(self.kind), "choices": [choice], **({"usage": self.usage} if self.says_usage else {})})
        return said if "nodone" in self.spec else said + b"data: [DONE]\n\n"


class CompletionsReply(ChatReply):
    """OpenAI's completions."""

    kind = "text_completion"

    def chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "text": delta.get("content", ""), "finish_reason": reason}
        return sse({**self.top(self.kind), "choices": [choice]})

    def whole(self) -> dict[str, Any]:
        choice = {"index": 0, "text": self.said, "finish_reason": self.reason}
        return {**self.top(self.kind), "choices": [choice], **({"usage": self.usage} if self.says_usage else {})}


class InfillReply(Reply):
    """llama.cpp's /infill."""

    def stop(self) -> dict[str, Any]:
        timings = {"cache_n": self.cached, "prompt_n": self.prompt - self.cached, "predicted_n": self.out}
        counts = {
            "tokens_predicted": self.out,
            "tokens_evaluated": self.prompt,
            "tokens_cached": self.prompt + self.out,
        }
        stop_type = "limit" if self.reason == "length" else "eos"
        said = {**counts, "timings": timings} if self.says_usage else {}
        return {"stop": True, "stop_type": stop_type, "stopping_word": "", **said}

    def whole(self) -> dict[str, Any]:
        return {"content": self.said, **self.stop()}

    def thought(self, text: str) -> bytes:
        return self.text(f"<think>{text}</think>")

    def text(self, piece: str) -> bytes:
        return sse({"index": 0, "content": piece, "tokens": [], "stop": False})

    def call(self, name: str) -> bytes:
        return self.text(name)

    def end(self) -> bytes:
        return sse({"index": 0, "content": "", **self.stop()})


class AnthropicReply(Reply):
    """Anthropic's messages."""

    REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}  # noqa: RUF012  # never written

    def start(self) -> bytes:
        self.blocks, self.open = 0, ""
        message = {**self.top(), "content": [], "stop_reason": None, "usage": self.usage(1) if self.says_usage else {}}
        return sse({"type": "message_start", "message": message}, "message_start")

    def top(self) -> dict[str, Any]:
        return {"id": "msg_mock", "type": "message", "role": "assistant", "model": self.model}

    def usage(self, out: int) -> dict[str, int]:
        cache = {"cache_read_input_tokens": self.cached, "cache_creation_input_tokens": 0}
        return {"input_tokens": self.prompt - self.cached, **cache, "output_tokens": out}

    def whole(self) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if "think" in self.spec:
            content.append({"type": "thinking", "thinking": self.spec["think"], "signature": "c2ln"})
        content.append({"type": "text", "text": self.said})
        if "tool" in self.spec:
            content.append({"type": "tool_use", "id": "toolu_mock", "name": self.spec["tool"], "input": ARGUMENTS})
        usage = {"usage": self.usage(self.out)} if self.says_usage else {}
        return {**self.top(), "content": content, "stop_reason": self.REASONS[self.reason], **usage}

    def event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, "index": self.blocks, **fields}, kind)

    def block(self, block: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
        said = self.stop() + self.event("content_block_start", content_block=block)
        self.open = str(block["type"])
        return said + b"".join(self.event("content_block_delta", delta=delta) for delta in deltas)

    def stop(self) -> bytes:
        if not self.open:
            return b""
        said, self.open = self.event("content_block_stop"), ""
        self.blocks += 1
        return said

    def thought(self, text: str) -> bytes:
        delta = {"type": "thinking_delta", "thinking": text}
        return self.block({"type": "thinking", "thinking": "", "signature": ""}, delta)

    def text(self, piece: str) -> bytes:
        delta = {"type": "text_delta", "text": piece}
        if self.open == "text":
            return self.event("content_block_delta", delta=delta)
        return self.block({"type": "text", "text": ""}, delta)

    def call(self, name: str) -> bytes:
        block = {"type": "tool_use", "id": "toolu_mock", "name": name, "input": {}}
        return self.block(block, {"type": "input_json_delta", "partial_json": json.dumps(ARGUMENTS)})

    def end(self) -> bytes:
        usage = {"usage": {"output_tokens": self.out}} if self.says_usage else {}
        delta = {"stop_reason": self.REASONS[self.reason], "stop_sequence": None}
        said = self.stop() + sse({"type": "message_delta", "delta": delta, **usage}, "message_delta")
        return said if "nodone" in self.spec else said + sse({"type": "message_stop"}, "message_stop")

    def error(self) -> bytes:
        return sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


class OllamaReply(Reply):
    """Ollama's /api/chat: JSON by lines."""

    content_type = "application/x-ndjson"

    def part(self, text: str, **more: Any) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text, **more}}

    def line(self, said: dict[str, Any], **more: Any) -> bytes:
        top = {"model": self.model, "created_at": "2026-11-01T00:00:00Z"}
        return json.dumps({**top, **said, "done": False, **more}).encode() + b"\n"

    def tool_calls(self, name: str) -> list[dict[str, Any]]:
        return [{"function": {"name": name, "arguments": ARGUMENTS}}]

    def last(self) -> dict[str, Any]:
        reason = "length" if self.reason == "length" else "stop"
        counts = {"prompt_eval_count": self.prompt, "eval_count": self.out} if self.says_usage else {}
        return {"done": True, "done_reason": reason, **counts}

    def whole(self) -> dict[str, Any]:
        more: dict[str, Any] = {"thinking": self.spec["think"]} if "think" in self.spec else {}
        more |= {"tool_calls": self.tool_calls(self.spec["tool"])} if "tool" in self.spec else {}
        return {"model": self.model, **self.part(self.said, **more), **self.last()}

    def thought(self, text: str) -> bytes:
        return self.line(self.part("", thinking=text))

    def text(self, piece: str) -> bytes:
        return self.line(self.part(piece))

    def call(self, name: str) -> bytes:
        return self.line(self.part("", tool_calls=self.tool_calls(name)))

    def end(self) -> bytes:
        return self.line(self.part(""), **self.last())

    def error(self) -> bytes:
        return json.dumps({"error": "an error was encountered while running the model"}).encode() + b"\n"

    def broken(self) -> bytes:
        return b'{"model": "m", "mess\n'


class GenerateReply(OllamaReply):
    """Ollama's /api/generate."""

    def part(self, text: str, **more: Any) -> dict[str, Any]:
        return {"response": text, **more}


DIALECTS: dict[str, type[Reply]] = {
    "chat": ChatReply,
    "fim": FimReply,
    "completions": CompletionsReply,
    "infill": InfillReply,
    "anthropic": AnthropicReply,
    "ollama": OllamaReply,
    "generate": GenerateReply,
}
