"""A client that costs next to nothing, so that what is measured is whoever answers: one connection, one request after
the other, prebuilt bytes out, and of the answer only what tells where it ends."""  # noqa: D205, D209 - too long for one line

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds until the first word of the model's was here, and until the end; whether it was a whole answer."""

    first_s: float
    total_s: float
    is_whole: bool


class Client(asyncio.Protocol):
    """One kept connection.

    Args:
        mark: bytes that the first word of an answer has in it.
        end: bytes that only a whole answer has in it.
    """

    def __init__(self, mark: bytes, end: bytes) -> None:
        self._mark = mark
        self._end = end
        self._said = b""
        self._first = 0.0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        self._said += data
        if not self._first and self._mark in self._said:
            self._first = perf_counter()
        if self._done is not None and not self._done.done() and self._is_over():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("closed in the middle of an answer"))

    async def ask(self, request: bytes) -> Timing:
        """Send a request, and read its answer to the end."""
        self._said, self._first = b"", 0.0
        self._done = asyncio.get_running_loop().create_future()
        began = perf_counter()
        self.transport.write(request)
        async with asyncio.timeout(LIMIT_S):
            await self._done
        ended = perf_counter()
        is_whole = self._said.startswith(b"HTTP/1.1 200") and self._end in self._said
        return Timing((self._first or ended) - began, ended - began, is_whole)

    def _is_over(self) -> bool:
        head, blank, body = self._said.partition(b"\r\n\r\n")
        if not blank:
            return False
        lower = head.lower()
        if b"chunked" in lower:
            return body.endswith(b"0\r\n\r\n")
        length = lower.partition(b"content-length:")[2].split(b"\r\n")[0]
        return bool(length) and len(body) >= int(length)


async def connect(url: str, mark: bytes, end: bytes) -> Client:
    """A connection to the host of a URL."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(mark, end), parts.hostname, parts.port)
    return client


def post(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a POST."""
    parts = urlsplit(url)
    given = {"host": parts.netloc, "content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body
