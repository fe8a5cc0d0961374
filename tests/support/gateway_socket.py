"""The gateway on a real socket, in the test's own process, so that a test sees both ends."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from beastmode.faces.http.server import Options, listening_on, opened, server_of
from beastmode.registry.registration import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from beastmode.app import App
    from beastmode.settings import Settings


@dataclass
class Door:
    """A gateway that listens.

    Attributes:
        app: behind it.
        port: on loopback.
        token: the owner's.
        connections: of clients, open now.
    """

    app: App
    port: int
    token: str
    connections: set[Any]

    async def register(self, base: str, model_id: str = "m", **fields: Any) -> None:
        """Register a model that answers at a loopback server, without asking it."""
        given = {"model_name": "M", "model_id": model_id, "endpoint_url": base, "context_window": 100_000}
        model, key = parse(given | fields)
        await self.app.registry.add(model, key)

    async def post(self, path: str, body: dict[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request on a connection of its own, which the test closes when it likes."""
        client = _with_room(socket.socket(), socket.SO_RCVBUF)
        client.setblocking(False)  # noqa: FBT003 - the library's own signature
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=client)
        sent = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
        )
        writer.write(head.encode() + sent)
        await writer.drain()
        return reader, writer


def _with_room(end: socket.socket, buffer: int) -> socket.socket:
    """Little of it, so that who stops reading is noticed after kilobytes, not megabytes; connections inherit it."""
    end.setsockopt(socket.SOL_SOCKET, buffer, 32 * 1024)
    return end


@asynccontextmanager
async def opened_door(settings: Settings, **given: Any) -> AsyncIterator[Door]:
    """Open the gateway of a user's settings on a free port."""
    options = Options(port=0, **given)
    with closing(_with_room(listening_on(options), socket.SO_SNDBUF)) as listening:
        port = listening.getsockname()[1]
        async with opened(settings, options, port) as gateway:
            gateway.owner.make()
            server = server_of(gateway, options)
            running = asyncio.create_task(server._serve([listening]))  # `serve` would take the test's signals
            try:
                yield Door(gateway.app, port, gateway.owner.read(), server.server_state.connections)
            finally:
                server.should_exit = True
                await running
