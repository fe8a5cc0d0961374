"""One connection of a client, which must send the head of a request soon and no more of it than one may need, and read.

uvicorn waits for ever for the first request and for a client to read, and takes headers of any length. These limits
are written for one parser: httptools is required everywhere, as it has wheels wherever the rest of us has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

SLOWEST_HEAD_S = 10.0
SLOWEST_READER_S = 60.0
"""How long a client may take to make room for the next piece of an answer."""
LARGEST_HEAD = 64 * 1024
"""Bytes of the request line and the headers."""


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with limits on the head of a request, and on how slowly an answer is read."""

    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _left = LARGEST_HEAD
    _is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come; the clock runs."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._stop()
        self._read_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; on a kept connection the first of them start the clock again."""
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request line."""
        self._left, self._is_in_head = LARGEST_HEAD, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what stands behind the body (a trailer) is none, though uvicorn takes it for one."""
        self._count(len(name) + len(value))
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> Any:
        """The head is here."""
        self._is_in_head = False
        self._stop()
        return super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client does not read; what it was sent is dropped when it goes on like that."""
        super().pause_writing()
        self._read_on()
        self._unread = self.loop.call_later(SLOWEST_READER_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        self._read_on()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """It asks nothing more; whatever it has not read by now it will not."""
        self.transport.abort()

    def _read_on(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("The head of the request is too large")  # the parser turns it into its own error: 400

    def _wait(self) -> None:
        self._stop()
        self._head = self.loop.call_later(SLOWEST_HEAD_S, self._give_up)

    def _stop(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
