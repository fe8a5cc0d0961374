"""A model that costs nothing: every answer is the same and ready before it is asked for, so what is measured is ours.

Speaks POST …/completions and …/chat/completions, streamed or whole, the way OpenAI does; tests/support/model_server.py
can do far more, and takes a millisecond for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Self

PIECES = ("zoom", "(", "zone", ",", " zero", ",", " zinc", ")")
"""The answer in tokens; nothing that the benchmark types begins with a z, so it never types what was suggested."""

TEXT = "".join(PIECES)
CHAT_PIECES = tuple(f"word{number} " for number in range(16))
CHAT_TEXT = "".join(CHAT_PIECES)
_USAGE = {"prompt_tokens": 900, "completion_tokens": len(PIECES), "total_tokens": 900 + len(PIECES)}
_LENGTH = b"content-length:"
_Shape = Callable[[str, "str | None", str], dict[str, Any]]


class Upstream:
    """Listens on loopback; `calls` counts the answers, so that nobody measures a cache by mistake.

    A request with the word `linger` in it gets the beginning of its answer and no end; `left` counts those whose
    client has gone away since.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.lingering = 0
        self.left = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """A base that ends in /v1."""
        if self._server is None:
            raise RuntimeError("The upstream has not been started")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._buffer = b""
        self._lingers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]  # TCP is what we listen on

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingers:
            self._upstream.left += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(_LENGTH)[2].split(b"\r\n")[0]) if _LENGTH in head else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._upstream.calls += 1
            streamed = b'"stream":true' in body.replace(b" ", b"")
            if b"linger" in body:
                self._lingers = True
                self._upstream.lingering += 1
                for write in ANSWERS[True, True][:3] if streamed else ():
                    self._transport.write(write)
                return
            for write in ANSWERS[b"/chat/completions " in head, streamed]:
                self._transport.write(write)


def _completion(text: str, finish_reason: str | None, _part: str) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1_700_000_000, "model": "zero", "choices": [choice]}


def _chat(text: str, finish_reason: str | None, part: str) -> dict[str, Any]:
    said = {"role": "assistant", "content": text} if text or part == "message" else {}
    choice = {"index": 0, part: said, "logprobs": None, "finish_reason": finish_reason}
    kind = "chat.completion.chunk" if part == "delta" else "chat.completion"
    return {"id": "chat-1", "object": kind, "created": 1_700_000_000, "model": "zero", "choices": [choice]}


def _event(value: object) -> bytes:
    data = b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _whole(answer: _Shape, text: str) -> tuple[bytes, ...]:
    body = json.dumps({**answer(text, "stop", "message"), "usage": _USAGE}).encode()
    return (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body),)


def _streamed(answer: _Shape, pieces: Sequence[str]) -> tuple[bytes, ...]:
    """One write a token, as a model does it; the last one brings the end, the usage and the end of the stream."""
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        *(_event(answer(piece, None, "delta")) for piece in pieces),
        _event(answer("", "stop", "delta"))
        + _event({**answer("", None, "delta"), "choices": [], "usage": _USAGE})
        + _event(b"[DONE]")
        + b"0\r\n\r\n",
    )


# By whether it is a chat, and whether it is streamed.
ANSWERS = {
    (False, False): _whole(_completion, TEXT),
    (False, True): _streamed(_completion, PIECES),
    (True, False): _whole(_chat, CHAT_TEXT),
    (True, True): _streamed(_chat, CHAT_PIECES),
}
