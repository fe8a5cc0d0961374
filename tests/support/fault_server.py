"""A model server for the fault matrix: what it does with a request is a short script of bytes, written like a story.

`model_server.py` speaks many dialects and misbehaves by words in a URL; here every byte and every pause is in the
hands of the test, an answer can come as events or as one JSON body, and scripts are played one a request.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

PIECES = ("return ", "größe * ", "2 # 🦊")
TEXT = "".join(PIECES)
PROMPT_TOKENS, OUTPUT_TOKENS = 12, 5

Form = Literal["events", "json"]


@dataclass(slots=True)
class Client:
    """One request, and the connection that it came by."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    headers: dict[str, str]
    asked: dict[str, Any]
    form: Form
    pieces: tuple[str, ...]
    wait: Callable[[float], None]

    @property
    def is_chat(self) -> bool:
        return "messages" in self.asked

    async def raw(self, data: bytes) -> None:
        """Put bytes on the wire, and let whoever reads them run."""
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0)

    async def head(self, status: int = 200, *more: str, media_type: str = "") -> None:
        """The head of an answer whose body comes in chunks."""
        media_type = media_type or ("text/event-stream" if self.form == "events" else "application/json")
        lines = (f"HTTP/1.1 {status} X", f"content-type: {media_type}", "transfer-encoding: chunked", *more)
        await self.raw("\r\n".join((*lines, "", "")).encode())

    async def body(self, data: bytes) -> None:
        """One chunk of the body."""
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        """The proper end of the body."""
        await self.raw(b"0\r\n\r\n")

    async def reply(self, status: int, *more: str, body: bytes = b"", media_type: str = "application/json") -> None:
        """A whole answer at once."""
        await self.head(status, *more, media_type=media_type)
        if body:
            await self.body(body)
        await self.end()

    async def refuse(self, status: int, *more: str, error: str = "scripted", code: str = "scripted") -> None:
        """An error as OpenAI sends it."""
        said = {"error": {"message": error, "type": "invalid_request_error", "code": code}}
        await self.reply(status, *more, body=json.dumps(said).encode())

    def close(self) -> None:
        """Hang up, properly as TCP has it."""
        self.writer.close()

    def reset(self) -> None:
        """Hang up as a process does that dies."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client hangs up."""
        while await self.reader.read(1 << 16):
            pass

    async def pause(self, seconds: float) -> None:
        """Let time pass, after all that was sent has been read."""
        await asyncio.sleep(0.005)
        self.wait(seconds)

    async def silence(self) -> None:
        """Say nothing for longer than anybody waits."""
        await self.pause(3600.0)
        await self.gone()

    def piece(self, text: str, reason: str | None = None) -> bytes:
        """One event with text."""
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        choice |= {"delta": {"content": text}} if self.is_chat else {"text": text}
        return event({"object": "chunk", "choices": [choice]})

    def usage(self) -> dict[str, int]:
        return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": OUTPUT_TOKENS}

    def parts(self, *, finish: str | None = "stop", usage: bool = True) -> list[bytes]:
        """A good answer in pieces: events, the last three of which are the end; or a JSON body cut in three.

        Args:
            finish: why it ended; None leaves it out.
            usage: whether the tokens are counted.
        """
        counted = {"usage": self.usage()} if usage else {}
        if self.form == "json":
            text = "".join(self.pieces)
            choice: dict[str, Any] = {"index": 0} | ({"finish_reason": finish} if finish else {})
            choice |= {"message": {"role": "assistant", "content": text}} if self.is_chat else {"text": text}
            whole = json.dumps({"object": "whole", "choices": [choice], **counted}, ensure_ascii=False).encode()
            third = len(whole) // 3
            return [whole[:third], whole[third : 2 * third], whole[2 * third :]]
        parts = [self.piece(text) for text in self.pieces]
        parts += [self.piece("", finish)] if finish else []
        parts += [event({"object": "chunk", "choices": [], **counted})] if usage else []
        return [*parts, b"data: [DONE]\n\n"]

    async def begin(self) -> None:
        """The head, and the first part of a good answer."""
        await self.head()
        await self.body(self.parts()[0])
        await asyncio.sleep(0.005)  # until it has been read: a reset may overtake it

    async def answer(self, **leave_out: Any) -> None:
        """A good answer; `leave_out` as in `parts`."""
        await self.head()
        for part in self.parts(**leave_out):
            await self.body(part)
        await self.end()


Script = Callable[[Client], Awaitable[None]]


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


@dataclass(slots=True)
class FaultServer:
    """Plays `scripts` one a request, the last of them for ever; counts what it is asked.

    Attributes:
        scripts: what to do with the next requests.
        form: how good answers and broken ones come.
        pieces: what a good answer says.
        wait: what makes so many seconds pass; by default none do.
        asked: the bodies of the requests, oldest first.
        headers: their headers.
    """

    scripts: list[Script]
    form: Form = "events"
    pieces: tuple[str, ...] = PIECES
    wait: Callable[[float], None] = lambda _: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def plays(self, *scripts: Script) -> None:
        """From the next request on."""
        self.scripts = list(scripts)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                await self._play(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if not first.isupper():
            # Somebody speaks TLS to us, and gets what a web server says to that.
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await reader.read(1 << 16)
            writer.close()
            return
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        self.asked.append(asked)
        self.headers.append(headers)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        path = request_line.split(" ")[1]
        await script(Client(reader, writer, path, headers, asked, self.form, self.pieces, self.wait))
