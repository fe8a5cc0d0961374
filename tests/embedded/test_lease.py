from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from beastmode.embedded.lease import HOST, LeaseDesk, LeaseRefused, take_lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def desk() -> AsyncIterator[LeaseDesk]:
    desk = LeaseDesk("key", 60)
    yield desk
    desk.close()


async def test_the_desk_stays_while_anybody_holds_a_share(desk: LeaseDesk) -> None:
    """With no grace at all, one open share keeps the server; the last one back ends it."""
    port = await desk.open()
    desk._grace_s = 0.0
    one, two = await take_lease(port, "key"), await take_lease(port, "key")
    staying = asyncio.create_task(desk.until_unused())
    await one.close()
    await asyncio.sleep(0.05)
    assert not staying.done()
    assert two.alive
    await two.close()
    await asyncio.wait_for(staying, 5)


async def test_a_server_that_nobody_ever_used_ends_too(desk: LeaseDesk) -> None:
    """A starter that died before it took its share leaves no server behind."""
    desk._grace_s = 0.0
    await desk.open()
    await asyncio.wait_for(desk.until_unused(), 5)


async def test_a_stranger_gets_no_share(desk: LeaseDesk) -> None:
    """Another key opens nothing, and does not keep the server alive."""
    port = await desk.open()
    with pytest.raises(LeaseRefused):
        await take_lease(port, "another")
    assert desk._holders == 0


@pytest.mark.parametrize("said", [b"\n", b"\xff\xfe\n", b"a" * 4096, b"GET / HTTP/1.1\r\n\r\n", b"x \xc3\xa9\n", b""])
async def test_noise_gets_silence(desk: LeaseDesk, said: bytes) -> None:
    """Whatever a port scanner sends, the desk closes without a word and goes on."""
    port = await desk.open()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(said)
    writer.write_eof()
    with suppress(ConnectionResetError):  # closed with our noise still unread: as silent
        assert await reader.read() == b""
    writer.close()
    lease = await take_lease(port, "key")
    await lease.close()


async def test_an_impostor_is_not_believed() -> None:
    """Whoever listens at the port of a dead server learns neither the key nor gets a prompt."""
    heard: list[bytes] = []

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        heard.append(line)
        writer.write(line.split()[1] + b"\n")
        writer.close()

    server = await asyncio.start_server(impostor, HOST, 0)
    with pytest.raises(LeaseRefused, match="does not know the key"):
        await take_lease(server.sockets[0].getsockname()[1], "the-key")
    assert b"the-key" not in heard[0]
    server.close()


async def test_a_dead_server_is_noticed() -> None:
    """The moment the server's end closes, the share says so without being asked over the network."""
    held: list[asyncio.StreamWriter] = []

    class Leaving(LeaseDesk):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)
            await super()._serve(reader, writer)

    port = await (desk := Leaving("key", 60)).open()
    lease = await take_lease(port, "key")
    assert lease.alive
    held[0].transport.abort()
    await asyncio.wait_for(asyncio.wait([lease._ended]), 5)
    assert not lease.alive
    await lease.close()
    desk.close()
    assert desk._holders == 0


async def test_nobody_there_is_an_ordinary_answer() -> None:
    """A port on which nothing listens means: start a server."""
    with pytest.raises(LeaseRefused):
        await take_lease(1, "key")
