"""What only a real socket shows: slow and huge requests, requests that mean two things, clients that go away."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.certificate import loopback_certificate
from tests.support.gateway_socket import Door, opened_door
from tests.support.model_server import ModelServer

from beastmode.domain.routing import Outcome
from beastmode.faces.http import body, connection
from beastmode.logs import lines_to, log_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beastmode.settings import Settings

KEY = "sk-never-to-be-seen-0123456789"
CHAT = "/api/codebase/chat"


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with opened_door(settings) as door:
        yield door


async def raw(door: Door, sent: bytes, *, more: bytes = b"", pause_s: float = 0.0) -> bytes:
    """Send bytes; all that comes back until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        async with asyncio.timeout(10):
            writer.write(sent)
            if more:
                await asyncio.sleep(pause_s)
                writer.write(more)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(door: Door, method: str = "GET", path: str = "/api/models/list", *lines: str) -> bytes:
    given = (f"host: 127.0.0.1:{door.port}", f"authorization: Bearer {door.token}", *lines)
    return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in given) + "\r\n").encode()


async def test_whoever_does_not_finish_the_head_is_let_go(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a word, and one that sends a byte now and then, cost nothing for long."""
    monkeypatch.setattr(connection, "SLOWEST_HEAD_S", 0.05)
    assert await raw(door, b"") == b""
    assert await raw(door, b"GET / HTTP/1.1\r\nhost: x\r\n", more=b"a: b\r\n", pause_s=0.01) == b""


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the connection is closed."""
    monkeypatch.setattr(body, "SLOWEST_S", 0.05)
    answer = await raw(door, head(door, "POST", CHAT, "content-length: 100") + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_not_read(
    door: Door, monkeypatch: pytest.MonkeyPatch, *, chunked: bool
) -> None:
    """Whether it says so or not: 413, before all of it is here."""
    monkeypatch.setattr(body, "LARGEST", 1000)
    if chunked:
        sent = head(door, "POST", CHAT, "transfer-encoding: chunked") + b"7d0\r\n" + b"x" * 2000 + b"\r\n"
    else:
        sent = head(door, "POST", CHAT, "content-length: 1000000000") + b"x"
    assert (await raw(door, sent)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("lines", [("a: " + "x" * 70_000,), tuple(f"h{n}: {'x' * 100}" for n in range(1000))])
async def test_a_head_that_is_too_large_is_not_read(door: Door, lines: tuple[str, ...]) -> None:
    """One long header, or many."""
    assert (await raw(door, head(door, "GET", "/api/models/list", *lines))).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "transfer-encoding: chunked"),
        ("content-length: 5", "content-length: 6"),
        ("content-length: -1",),
        ("transfer-encoding: chunked, identity",),
        ("bad name: x",),
        ("x: a\x00b",),
        ("host: evil.example",),
    ],
)
async def test_a_request_that_means_two_things_means_nothing(door: Door, lines: tuple[str, ...]) -> None:
    """What a proxy in front might read in another way is refused."""
    answer = await raw(door, head(door, "POST", CHAT, *lines, "connection: close") + b"0\r\n\r\n")
    assert answer.split(b" ")[1] in {b"400", b"421"}, answer


@pytest.mark.parametrize("injected", ["%0d%0aset-cookie:%20a=b", "%0aset-cookie:%20a=b", "x%00y", "\u2028"])
async def test_nothing_of_a_request_becomes_a_header(door: Door, injected: str) -> None:
    """An id with line ends in it, in the path and in the body."""
    target = f"/api/models/custom/{injected}".encode("ascii", "xmlcharrefreplace").decode()
    answer = await raw(door, head(door, "DELETE", target, "connection: close"))
    top, _, rest = answer.partition(b"\r\n\r\n")
    assert top.split(b" ")[1] in {b"404", b"400"}
    assert b"set-cookie" not in top.lower()
    assert rest


async def test_what_stands_behind_the_body_is_no_header(door: Door) -> None:
    """A proxy in front has looked at the head: a trailer is no credential, and no second host."""
    lines = (f"host: 127.0.0.1:{door.port}", "transfer-encoding: chunked", "connection: close")
    start = "POST /api/dashboard/sign-out HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines)
    body = "\r\n2\r\n{}\r\n0\r\n"
    told = await raw(door, f"{start}{body}authorization: Bearer {door.token}\r\n\r\n".encode())
    assert told.startswith(b"HTTP/1.1 401 ")
    told = await raw(door, f"{start}authorization: Bearer {door.token}\r\n{body}host: evil.example\r\n\r\n".encode())
    assert told.startswith(b"HTTP/1.1 204 ")


async def test_a_client_that_goes_away_stops_the_model(door: Door) -> None:
    """Streaming and not: the connection to the model is closed, and the ledger knows what was read until then."""
    async with ModelServer(text="word " * 500, spec="drip=5") as server:
        await door.register(server.base)
        for accept in ("text/event-stream", "application/json"):
            sent = json.dumps({"message": "x", "model": "custom:m"}).encode()
            written = server.stats.tokens
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            lines = (f"content-length: {len(sent)}", f"accept: {accept}")
            writer.write(head(door, "POST", CHAT, *lines) + sent)
            if accept == "text/event-stream":
                await reader.readuntil(b"event: part")
            else:
                async with asyncio.timeout(5):
                    while server.stats.tokens == written:
                        await asyncio.sleep(0.005)
            aborted = server.stats.aborted
            writer.close()
            async with asyncio.timeout(5):
                while server.stats.aborted == aborted:
                    await asyncio.sleep(0.005)
    async with asyncio.timeout(5):
        while len(rows := await door.app.ledger.tail(10)) < 2:
            await asyncio.sleep(0.01)
    assert {row["outcome"] for row in rows} == {Outcome.CANCELLED}
    assert all(row["input_tokens"] for row in rows)


async def test_a_client_that_does_not_read_is_let_go(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is stopped, and nothing waits for the client any longer."""
    monkeypatch.setattr(connection, "SLOWEST_READER_S", 0.1)
    async with ModelServer(text=("x" * 50_000 + " ") * 1000) as server:
        await door.register(server.base)
        asked = {"model": "custom:m", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        sent = json.dumps(asked).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1024)
        writer.write(head(door, "POST", "/v1/chat/completions", f"content-length: {len(sent)}") + sent)
        async with asyncio.timeout(20):
            while not server.stats.aborted:
                await asyncio.sleep(0.01)
            while door.connections:
                await asyncio.sleep(0.01)
        writer.close()
    assert not reader.at_eof()


async def test_no_answer_and_no_log_holds_a_key(door: Door, settings: Settings) -> None:
    """Nor a token: searched for in everything that was said and written while things went right and wrong."""
    log_to(settings.paths.log_file, "debug")
    access = settings.paths.log_file.with_name("access.log")
    lines_to(access, "beastmode.access")
    async with ModelServer(text="fine", key=KEY, spec="") as server, ModelServer(spec="401+echo") as echo:
        said = b""
        for base, name in ((server.base, "good"), (echo.base, "bad")):
            fields: dict[str, Any] = {"model_name": "M", "model_id": name, "endpoint_url": base, "api_key": KEY}
            said += await post(door, "/api/models/custom", fields | {"force": True})
            said += await post(door, f"/api/models/custom/{name}/test", {})
            said += await post(door, CHAT, {"message": "hello", "model": f"custom:{name}"})
            said += await post(
                door, "/v1/chat/completions", {"model": name, "messages": [{"role": "user", "content": "x"}]}
            )
        said += await post(door, "/api/models/custom", {"api_key": KEY})
        said += await post(door, f"/api/models/custom?api_key={KEY}", {"api_key": KEY + "\n"})
        said += await raw(door, head(door, "GET", "/api/models/list", "connection: close"))
        said += await raw(door, head(door, "GET", "/openapi.json", "connection: close"))
    assert b"fine" in said
    rows = json.dumps([dict(row) for row in await door.app.ledger.tail(100)])
    written = access.read_bytes() + (settings.paths.log_file.read_bytes() if settings.paths.log_file.exists() else b"")
    assert b'"path": "/api/codebase/chat"' in written
    for secret in (KEY, door.token):
        assert secret.encode() not in said
        assert secret not in rows
        assert secret.encode() not in written
    assert b"hello" not in written


async def test_over_tls_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    """With a certificate: browsers are told to keep to it, and a plain request gets no answer."""
    certificate = loopback_certificate(tmp_path)
    async with opened_door(settings, certificate=certificate, key=certificate) as door:
        context = ssl.create_default_context(cafile=certificate)
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=context)
        writer.write(head(door, "GET", "/api/models/list", "connection: close"))
        said = await reader.read()
        writer.close()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"strict-transport-security: max-age=" in said
        assert b"HTTP/" not in await raw(door, head(door))


async def post(door: Door, path: str, sent: dict[str, Any]) -> bytes:
    data = json.dumps(sent).encode()
    return await raw(door, head(door, "POST", path, f"content-length: {len(data)}", "connection: close") + data)
