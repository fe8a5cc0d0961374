"""A loopback model that knows the text being typed, in a process of its own: `continuing_model.py`.

It answers POST /v1/completions (OpenAI's, and Tabby's, which has `segments`) and POST /infill (llama.cpp's), token by
token, and keeps a record of every request: when it came, when each of its tokens was made, when and how it ended. A
client that closes its connection ends its request. It is told what to do by lines of JSON on its standard input, each
answered with one on its standard output; the first line it says holds its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any
from zlib import crc32

WRONG, RIGHT, MIXED = "wrong", "right", "mixed"
TAIL = 160
"""Characters before the cursor by which it finds its place in the text; within a few dozen lines they are unique."""
MOST_LINES = 3
_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
_NONSENSE = ("zoom(zone, zero, zinc)", "quux(quota, quiet, quick)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEALTH = {
    "device": "cpu",
    "model": "loopback",
    "chat_model": None,
    "arch": "any",
    "cpu_info": "any",
    "cpu_count": 1,
    "cuda_devices": [],
    "version": {"build_date": "2025-01-01", "build_timestamp": "", "git_sha": "0", "git_describe": "v0.30.0"},
}


@dataclass(slots=True)
class Record:
    """One request. All times are seconds of the performance counter, which all processes of a machine share.

    `client` is the first part of the path: each system has a base of its own.
    """

    client: str
    received: float
    tokens: list[float] = field(default_factory=list)
    ended: float | None = None
    aborted: bool = False


@dataclass(slots=True)
class Behaviour:
    """What the model is told.

    Attributes:
        before: what stands before the passage, for finding a place at its beginning.
        passage: the text that is being typed.
        mode: `wrong`: nothing that it says is what will be typed. `right`: everything is, up to three lines. `mixed`:
            by place, a third of the answers is right up to the line's end, a third for two tokens, a third not at all.
        first_s: seconds to the first token.
        token_s: seconds from one token to the next.
    """

    before: str = ""
    passage: str = ""
    mode: str = WRONG
    first_s: float = 0.0
    token_s: float = 0.0

    def answer(self, prompt: str, *, one_line: bool) -> list[str]:
        """The tokens that follow a prompt."""
        text = self.before + self.passage
        at = text.find(prompt[-TAIL:]) if prompt else -1
        rest = text[at + len(prompt[-TAIL:]) :] if at >= 0 else ""
        nonsense = _NONSENSE[rest.lstrip()[:1] == _NONSENSE[0][0]]
        truth = _TOKEN.findall(_cut(rest, 1 if self.mode == MIXED or one_line else MOST_LINES, one_line=one_line))
        # All are told the same at the same place.
        right = {WRONG: 0, RIGHT: 2, MIXED: crc32(prompt[-TAIL:].encode()) % 3}[self.mode]
        if not truth or right == 0:
            return _TOKEN.findall(nonsense)
        return truth if right == 2 else [*truth[:2], *_TOKEN.findall(nonsense)]


def _cut(text: str, most: int, *, one_line: bool) -> str:
    lines = text.split("\n")
    # At a line's end the answer begins with a line end, and has one line more.
    return lines[0] if one_line else "\n".join(lines[: most + (not lines[0])])


class Connection(asyncio.Protocol):
    """One client; its requests come one after the other."""

    def __init__(self, behaviour: Behaviour, records: list[Record]) -> None:
        self._behaviour, self._records = behaviour, records
        self._buffer = b""
        self._record: Record | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]  # TCP is what we listen on

    def connection_lost(self, _error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._record is not None:
            self._end(aborted=True)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._record is not None:
            return
        found = _LENGTH.search(self._buffer, 0, end + 2)
        length = int(found[1]) if found else 0
        if len(self._buffer) < end + 4 + length:
            return
        head, body = self._buffer[:end], self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        self._handle(head.split(b" ", 2)[1].decode(), body)

    def _handle(self, path: str, body: bytes) -> None:
        if not path.endswith(("/completions", "/infill")):
            self._whole(_HEALTH if path.endswith("/health") else {"disable_client_side_telemetry": True})
            return
        self._record = Record(path.split("/")[1], perf_counter())
        self._records.append(self._record)
        asked = json.loads(body)
        prompt = asked.get("prompt", asked.get("input_prefix", ""))
        if "segments" in asked:
            prompt = asked["segments"]["prefix"]
        line = prompt[prompt.rfind("\n") + 1 :]
        one_line = bool(line.strip()) if "segments" in asked else "\n" in asked.get("stop", ())
        tokens = self._behaviour.answer(prompt, one_line=one_line)
        shape = _tabby if "segments" in asked else _infill if path.endswith("/infill") else _completion
        if asked.get("stream"):
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            self._transport.write(head)
        self._after(self._behaviour.first_s, tokens, 0, shape if asked.get("stream") else None)

    def _after(self, seconds: float, tokens: list[str], number: int, shape: Any) -> None:
        if seconds:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._make, tokens, number, shape)
        else:
            self._make(tokens, number, shape)

    def _make(self, tokens: list[str], number: int, shape: Any) -> None:
        """Make a token, and see to the next."""
        self._timer = None
        if self._record is None:
            return
        self._record.tokens.append(perf_counter())
        if shape is not None:
            self._transport.write(_event(shape(tokens[number], None)))
        if number + 1 < len(tokens):
            self._after(self._behaviour.token_s, tokens, number + 1, shape)
            return
        if shape is not None:
            ending = _event(shape("", "stop"))
            ending += _event(b"[DONE]") if shape is _completion else b""
            self._transport.write(ending + b"0\r\n\r\n")
        else:
            self._whole(_tabby("".join(tokens), None))
        self._end(aborted=False)

    def _whole(self, value: object) -> None:
        body = json.dumps(value).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)

    def _end(self, *, aborted: bool) -> None:
        if self._record is not None:
            self._record.ended, self._record.aborted = perf_counter(), aborted
        self._record = None
        if self._buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")


def _completion(text: str, finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "loopback", "choices": [choice]}


def _infill(text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"content": text, "stop": finish_reason is not None, "stop_type": "word" if finish_reason else "none"}


def _tabby(text: str, _: str | None) -> dict[str, Any]:
    return {"id": "cmpl-1", "choices": [{"index": 0, "text": text}]}


def _event(value: object) -> bytes:
    data = b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve() -> None:
    """Listen until standard input ends.

    A line of input is an object with fields of `Behaviour` to change; the answer is `{"records": …}`: what was asked
    since the line before, requests that are still running included (those come again, complete, with the next).
    """
    behaviour, records = Behaviour(), list[Record]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(behaviour, records), "127.0.0.1", 0)
    _say({"port": server.sockets[0].getsockname()[1]})
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        for name, value in json.loads(line).items():
            setattr(behaviour, name, value)
        _say({"records": [asdict(record) for record in records]})
        records[:] = [record for record in records if record.ended is None]
    server.close()


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
