"""On real sockets: pieces go out as they come, and a client that goes away stops the model, and is accounted for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.gateway_socket import Door, opened_door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.model_server import ModelServer

    from beastmode.settings import Settings

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "What is a sum?"}], "max_tokens": 4000}
PATHS = {
    "/v1/chat/completions": HELLO,
    "/v1/completions": {"model": "m", "prompt": "return ", "max_tokens": 4000},
    "/v1/responses": {"model": "m", "input": "What is a sum?"},
    "/v1/messages": HELLO,
}


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with opened_door(settings) as door:
        yield door


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the other side of a socket does."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def last_row(door: Door) -> Any:
    """The newest row, once there is one."""
    async with asyncio.timeout(10):
        while not (rows := await door.app.ledger.tail(1)):
            await asyncio.sleep(0.005)
    return rows[0]


@pytest.mark.parametrize("path", PATHS)
async def test_who_leaves_a_stream_stops_the_model(door: Door, model_server: ModelServer, path: str) -> None:
    """The pieces so far have come while the model is silent; its connection is closed, its row says how far it came."""
    await door.register(model_server.misbehaving("stall=3"))
    model_server.script = "one two three four five"
    reader, writer = await door.post(path, PATHS[path] | {"stream": True})
    await asyncio.wait_for(reader.readuntil(b"three"), 10)
    aborted = model_server.stats.aborted
    writer.close()
    await until(lambda: model_server.stats.aborted > aborted)
    row = await last_row(door)
    assert (row["outcome"], row["estimated"], row["output_tokens"]) == ("cancelled", 1, 4)
    await until(lambda: not door.connections)


@pytest.mark.parametrize("path", PATHS)
async def test_who_does_not_wait_for_a_whole_answer_stops_the_model(
    door: Door, model_server: ModelServer, path: str
) -> None:
    """Also who did not ask for a stream, and hears nothing before the end."""
    await door.register(model_server.misbehaving("stall=3"))
    model_server.script = "one two three four five"
    asked, aborted = model_server.stats.requests, model_server.stats.aborted
    _, writer = await door.post(path, PATHS[path])
    await until(lambda: model_server.stats.requests > asked and model_server.stats.tokens >= 3)
    writer.close()
    await until(lambda: model_server.stats.aborted > aborted)
    row = await last_row(door)
    assert row["outcome"] == "cancelled"
    assert row["input_tokens"] > 0
    await until(lambda: not door.connections)


async def test_who_does_not_wait_for_a_count_stops_it(door: Door, model_server: ModelServer) -> None:
    """An endpoint that is asked how many tokens a prompt has is let go as well."""
    await door.register(model_server.misbehaving("hang"), provider="anthropic-compatible")
    asked = model_server.stats.requests
    _, writer = await door.post("/v1/messages/count_tokens", HELLO)
    await until(lambda: model_server.stats.requests > asked)
    writer.close()
    await until(lambda: model_server.stats.open == 0)
    await until(lambda: not door.connections)


async def test_who_leaves_while_a_piece_is_on_its_way_stops_the_model(door: Door, model_server: ModelServer) -> None:
    """A client that has stopped reading holds the gateway in the middle of a piece; that is a cancellation too."""
    await door.register(model_server.misbehaving("huge=40000"))
    _, writer = await door.post("/v1/chat/completions", HELLO | {"stream": True, "max_tokens": 40_000})
    aborted = model_server.stats.aborted
    tokens = -1
    while tokens != model_server.stats.tokens or tokens == 0:  # until nothing moves any more
        tokens = model_server.stats.tokens
        await asyncio.sleep(0.2)
    writer.transport.abort()
    await until(lambda: model_server.stats.aborted > aborted)
    row = await last_row(door)
    assert row["outcome"] == "cancelled"
    assert row["output_tokens"] > 0


async def test_one_connection_serves_one_request_after_another(door: Door, model_server: ModelServer) -> None:
    """Streams and whole answers on a kept connection, each complete."""
    await door.register(model_server.base)
    reader, writer = await door.post("/v1/messages", HELLO | {"stream": True})
    for number in range(3):
        said = await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 10)
        assert b"message_stop" in said, number
        writer.write(_again(door))
    writer.close()


def _again(door: Door) -> bytes:
    body = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "And a product?"}]}'
    head = f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{door.port}\r\nx-api-key: {door.token}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
