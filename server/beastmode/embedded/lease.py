"""A share in the running server: one open loopback connection a process, for as long as the process uses the model.

The system closes the connection however the process ends, so a killed editor gives its share back like a closed one,
and a dead server is noticed at once. Both sides prove with the server's key that they know it, without sending it: a
stranger who listens at a port that a dead server left behind gets neither the key nor a prompt.

The protocol, one line each way: `NONCE HMAC(key, "client:" NONCE)`, answered by `HMAC(key, "server:" NONCE)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets

_ANSWER_S = 5.0
_LINE = 256
"""Bytes that a line of the protocol never exceeds."""
HOST = "127.0.0.1"


class LeaseRefused(Exception):
    """Nobody answers there, or somebody who does not know the key."""


class Lease:
    """One process's share; `alive` until either side closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._ended = asyncio.create_task(_until_closed(reader))

    @property
    def alive(self) -> bool:
        """Whether the server still holds its end."""
        return not self._ended.done()

    async def close(self) -> None:
        """Give the share back."""
        self._ended.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._ended
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def take_lease(port: int, key: str) -> Lease:
    """Take a share in the server whose lease desk listens on that loopback port.

    Raises:
        LeaseRefused: it is not there, or it is not that server.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port, limit=_LINE)
            nonce = secrets.token_hex(16)
            try:
                writer.write(f"{nonce} {_proof(key, 'client', nonce)}\n".encode())
                answer = await reader.readline()
            except BaseException:
                writer.close()
                raise
    except (OSError, ValueError, TimeoutError) as error:
        raise LeaseRefused(str(error) or "no answer") from error
    if not hmac.compare_digest(answer.strip(), _proof(key, "server", nonce).encode()):
        writer.close()
        raise LeaseRefused("who answers there does not know the key")
    return Lease(reader, writer)


class LeaseDesk:
    """The server's end: hands out shares and knows when the last one has been back for a while."""

    def __init__(self, key: str, grace_s: float) -> None:
        """Make a desk.

        Args:
            key: what a client must know.
            grace_s: how long the server stays without a single share, in seconds.
        """
        self._key = key
        self._grace_s = grace_s
        self._holders = 0
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Begin to hand out shares; the loopback port on which."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=_LINE)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def until_unused(self) -> None:
        """Return when nobody has held a share for the grace period."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if self._holders else self._grace_s):
                    await self._changed.wait()
            except TimeoutError:
                return

    def close(self) -> None:
        """Hand out no more shares."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                nonce, _, proof = (await reader.readline()).decode("ascii").strip().partition(" ")
            if not hmac.compare_digest(proof, _proof(self._key, "client", nonce)):
                return
            self._count(1)
            try:
                writer.write(f"{_proof(self._key, 'server', nonce)}\n".encode())
                await _until_closed(reader)
            finally:
                self._count(-1)
        except (OSError, ValueError, TypeError, TimeoutError):
            pass  # a stranger; he gets silence
        finally:
            writer.close()

    def _count(self, change: int) -> None:
        self._holders += change
        self._changed.set()


def _proof(key: str, role: str, nonce: str) -> str:
    return hmac.new(key.encode(), f"{role}:{nonce}".encode(), "sha256").hexdigest()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_LINE):
            pass
