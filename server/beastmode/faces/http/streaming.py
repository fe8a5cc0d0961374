"""Answers as they come (server-sent events), and clients that go away: both stop the model."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

from beastmode.wire.base import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

Result = TypeVar("Result")


class ClientGone(Exception):
    """The client has gone away; nobody reads an answer any more."""


def wants_stream(request: Request) -> bool:
    """Whether the client asks for the answer as it comes."""
    return "text/event-stream" in request.headers.get("accept", "").lower()


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event with JSON in it."""
    return b"%bdata: %b\n\n" % (f"event: {name}\n".encode() if name else b"", to_json(data))


class EventStream(Response):
    """Sends what a generator yields, as it comes; the generator is cancelled when the client goes away.

    Args:
        pieces: whole server-sent events, as bytes.
        headers: besides the usual ones.
    """

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncGenerator[bytes], headers: dict[str, str] | None = None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"} | (headers or {}))
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with suppress(ClientGone):
            await until_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work returns; it is cancelled when the client goes away. The body must have been read.

    Raises:
        ClientGone: nobody waits for the answer.
        Whatever the work raises.
    """
    return await until_gone(request.receive, work)


async def until_gone(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """The same, below Starlette."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
