"""The publisher's own file, over HTTPS from the model hub: resumable, and quick to say that the hub cannot be reached.

Apart from transport.py because it fetches one large public file with no key, off the event loop, and may be read
without the HTTP engine; what it brings is worth nothing until its hash has been checked elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.embedded.offload import offload
from beastmode.embedded.weights import CHUNK

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

CONNECT_S = 3.0
"""A hub that has not accepted a connection by then counts as out of reach, name lookup included."""
READ_S = 30.0
"""The longest silence in the middle of the file."""

_PARTIAL = 206


class HubFailed(Exception):
    """The file did not come from the hub; the message says why in a few words."""


async def download(url: str, size: int, partial: Path, tell: Callable[[int], None]) -> None:
    """Complete the file `partial` from `url`; what is there already is not asked for again.

    `tell` is called with the number of bytes on disk. Cancelling leaves `partial` as far as it came.

    Raises:
        HubFailed: out of reach, or it has no such file of `size` bytes.
    """
    loop = asyncio.get_running_loop()
    connected: asyncio.Future[None] = loop.create_future()

    def on_connect() -> None:
        if not connected.done():
            connected.set_result(None)

    def on_loop(call: Callable[..., None], *values: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(call, *values)

    copy = _Copy(url, size, partial, lambda: on_loop(on_connect), lambda done: on_loop(tell, done))
    copying = asyncio.create_task(offload(copy.run))
    try:
        await asyncio.wait({copying, connected}, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        if not copying.done() and not connected.done():
            raise HubFailed(f"no connection within {CONNECT_S:g} s")
        await copying
    finally:
        connected.cancel()
        copying.cancel()
        with contextlib.suppress(asyncio.CancelledError, HubFailed):
            await copying


@dataclass(frozen=True, slots=True)
class _Copy:
    """The blocking part: runs in a thread, and tells from there."""

    url: str
    size: int
    partial: Path
    on_connect: Callable[[], None]
    tell: Callable[[int], None]

    def run(self, stop: threading.Event) -> None:
        """Fetch what is missing of the file, until done or told to stop."""
        have = self.partial.stat().st_size if self.partial.exists() else 0
        if have > self.size:
            self.partial.unlink()
            have = 0
        if have == self.size:
            return
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  # the URL is a row of weights.toml
        try:
            with _opener(self.on_connect).open(request, timeout=CONNECT_S) as answer:
                self._take(answer, have if answer.status == _PARTIAL else 0, stop)
        except urllib.error.HTTPError as error:
            error.close()
            raise HubFailed(f"HTTP status {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise HubFailed(str(reason) or type(reason).__name__) from error

    def _take(self, answer: http.client.HTTPResponse, have: int, stop: threading.Event) -> None:
        """Write the body behind the first `have` bytes."""
        coming = int(answer.headers.get("Content-Length") or -1)
        if have + coming != self.size:
            raise HubFailed(f"it offers {have + coming} bytes instead of {self.size}")
        if stop.is_set():  # a thread that was given up on must not touch a file which others use by now
            return
        with self.partial.open("r+b" if have else "wb") as file:
            file.seek(have)
            while chunk := answer.read(CHUNK):
                if stop.is_set():
                    return
                file.write(chunk)
                have += len(chunk)
                self.tell(have)
        if have != self.size:
            raise HubFailed("the connection closed early")


def _opener(on_connect: Callable[[], None]) -> urllib.request.OpenerDirector:
    """An opener with a short patience for connecting and a long one for reading."""
    import truststore  # noqa: PLC0415  # only needed here, and not at a language server's start

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(READ_S)
            on_connect()

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(READ_S)
            on_connect()

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req, context=context)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    return urllib.request.build_opener(SecureHandler, PlainHandler)
