"""The transport over real sockets on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import socket
import ssl
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest
from tests.support.certificate import loopback_certificate
from tests.support.model_server import ModelServer

from beastmode import transport as room
from beastmode.domain.errors import (
    AttemptFailed,
    ConnectionLost,
    EndpointNotFound,
    InvalidFormat,
    RateLimited,
    Rejected,
    ServerFailed,
    StreamCut,
    StreamFailed,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from beastmode.transport import Network, Transport
from beastmode.wire.base import HttpCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

KEY = "sk-very-secret-0123456789"
AUTH = {"authorization": f"Bearer {KEY}"}
STREAM = b'{"model": "m", "prompt": "a", "stream": true, "stream_options": {"include_usage": true}}'


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(Network())
    yield transport
    await transport.aclose()


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer("one two three four five six") as server:
        yield server


async def ask(transport: Transport, base: str, connect_timeout: float = 5.0) -> bytes:
    async with transport.post(HttpCall(f"{base}/completions", STREAM), AUTH, connect_timeout=connect_timeout) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_answer_streams_through(transport: Transport, server: ModelServer) -> None:
    """The bytes of the body come as they are, with their content type and the time that the connection took."""
    async with transport.post(HttpCall(f"{server.base}/completions", STREAM), AUTH, connect_timeout=5) as answer:
        body = b"".join([chunk async for chunk in answer.chunks()])
    assert answer.content_type == "text/event-stream"
    assert answer.connect_s > 0
    assert body.endswith(b"data: [DONE]\n\n")


async def test_what_is_sent(transport: Transport, server: ModelServer) -> None:
    """The body as given, our headers and no others: no cookies, no compression, no library's name."""
    call = HttpCall(f"{server.base}/completions", STREAM, (("x-task", "inline"),))
    async with transport.post(call, AUTH, connect_timeout=5):
        pass
    asked = server.stats.last[-1]
    assert asked.headers.pop("user-agent").startswith("beastmode/")
    assert asked.headers.pop("authorization") != AUTH["authorization"]
    assert asked.headers == {
        "host": server.url.removeprefix("http://"),
        "content-type": "application/json",
        "content-length": str(len(STREAM)),
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "x-task": "inline",
    }


async def test_no_cookie_is_kept(transport: Transport, server: ModelServer) -> None:
    """Requests cannot be told to belong together, nor be steered by an earlier answer."""
    base = server.base.replace("127.0.0.1", "localhost")
    await ask(transport, base)
    await ask(transport, base)
    assert "cookie" not in server.stats.last[-1].headers


async def test_a_connection_is_kept(transport: Transport, server: ModelServer) -> None:
    """Requests one after the other share a connection, which spares a handshake at every keystroke."""
    for _ in range(3):
        await ask(transport, server.base)
    assert (server.stats.requests, server.stats.connections) == (3, 1)


async def test_a_connection_is_kept_though_nobody_reads_to_the_end(transport: Transport, server: ModelServer) -> None:
    """A reader that has its finish reason and its usage leaves; `[DONE]` does not cost the connection."""
    for _ in range(3):
        call = HttpCall(f"{server.misbehaving('bytes=100')}/completions", STREAM)
        async with transport.post(call, AUTH, connect_timeout=5) as answer:
            body = b""
            async for chunk in answer.chunks():
                body += chunk
                if b'"usage"' in body:
                    break
    assert (server.stats.requests, server.stats.connections, server.stats.aborted) == (3, 1, 0)


async def test_leaving_in_the_middle_stops_the_server(transport: Transport, server: ModelServer) -> None:
    """Whoever has enough of an answer leaves the block, and the model stops working for nobody."""

    async def leave_early() -> None:
        call = HttpCall(f"{server.misbehaving('drip=20')}/completions", STREAM)
        async with transport.post(call, AUTH, connect_timeout=5) as answer:
            async for _ in answer.chunks():
                raise StreamCut("enough")

    with pytest.raises(StreamCut):
        await leave_early()
    await until(lambda: server.stats.aborted == 1)
    assert server.stats.open == 0
    assert server.stats.tokens < 6
    assert server.stats.tokens_after_abort == 0


@pytest.mark.parametrize("spec", ["hang", "ttft=60000", "drip=60000", "nodone"])
async def test_cancelling_reaches_the_server(transport: Transport, server: ModelServer, spec: str) -> None:
    """Wherever a request is when its task is cancelled, the socket is closed at once."""
    task = asyncio.create_task(ask(transport, server.misbehaving(spec)))
    await until(lambda: server.stats.requests == 1)
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: server.stats.aborted == 1)
    assert server.stats.open == 0
    assert await ask(transport, server.base)


@pytest.mark.parametrize(
    ("spec", "kind", "text"),
    [
        ("400", Rejected, "answered 400: scripted 400"),
        ("401", Unauthorized, "answered 401"),
        ("404", EndpointNotFound, "answered 404"),
        ("429", RateLimited, "answered 429"),
        ("503", ServerFailed, "answered 503"),
        ("html", InvalidFormat, "an HTML page"),
        ("gzip", InvalidFormat, "a compressed body (gzip)"),
        ("reset", ConnectionLost, "closed the connection before it answered"),
        ("cut=1", StreamCut, "in the middle of its answer"),
    ],
)
async def test_each_fault_has_its_error(
    transport: Transport, server: ModelServer, spec: str, kind: type[AttemptFailed], text: str
) -> None:
    """The error says what happened, and the next request is served."""
    with pytest.raises(kind) as caught:
        await ask(transport, server.misbehaving(spec))
    assert type(caught.value) is kind
    assert text in caught.value.message
    assert caught.value.fix
    assert await ask(transport, server.base)


@pytest.mark.parametrize(("spec", "seconds"), [("429+ra=7", 7.0), ("429+rams=1500", 1.5), ("503+ra=2", 2.0)])
async def test_retry_after_is_passed_on(transport: Transport, server: ModelServer, spec: str, seconds: float) -> None:
    """Whoever asks for a pause is heard."""
    with pytest.raises(AttemptFailed) as caught:
        await ask(transport, server.misbehaving(spec))
    assert caught.value.retry_after == seconds


async def test_a_redirect_is_not_followed(transport: Transport, server: ModelServer) -> None:
    """The key and the code stay with the origin they were meant for."""
    async with ModelServer() as other:
        target = f"{other.url}/steal".replace("/", "%2F")
        with pytest.raises(InvalidFormat, match="a redirect to") as caught:
            await ask(transport, server.misbehaving(f"redirect={target}"))
        assert other.stats.connections == 0
    assert other.url in caught.value.message
    assert "steal" not in str(caught.value)


@pytest.mark.parametrize("spec", ["400+echo", "401+echo", "404+echo", "429+echo", "500+echo", "reset", "gzip", "cut=1"])
async def test_no_error_has_the_key(
    transport: Transport, server: ModelServer, spec: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Endpoints that quote the key back do not get it into an error, a traceback or a log."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AttemptFailed) as caught:
        await ask(transport, server.misbehaving(spec))
    said = "".join(traceback.format_exception(caught.value))
    assert KEY not in said + repr(caught.value) + caplog.text
    if "echo" in spec:
        assert "[key]" in caught.value.message


async def test_an_error_inside_the_answer_has_no_key_either(transport: Transport, server: ModelServer) -> None:
    """A decoder that quotes the endpoint runs inside the block, and what leaves the block is clean."""

    async def decode() -> None:
        async with transport.post(HttpCall(f"{server.base}/completions", STREAM), AUTH, connect_timeout=5):
            raise StreamFailed(f"wrong key: {KEY}", f"do not use {KEY}")

    with pytest.raises(StreamFailed) as caught:
        await decode()
    assert str(caught.value) == "wrong key: [key]. do not use [key]"
    assert KEY not in repr(caught.value)


@pytest.mark.parametrize("key", ["sk-abc\r\nx-evil: 1", "sk-abcü-def"])
async def test_a_key_that_no_header_can_carry_is_refused(transport: Transport, server: ModelServer, key: str) -> None:
    """It neither splits the request nor shows up in a library's complaint."""
    with pytest.raises(Unauthorized) as caught:
        await transport.get(f"{server.base}/models", {"x-api-key": key}, timeout=5)
    assert "sk-abc" not in "".join(traceback.format_exception(caught.value))
    assert server.stats.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_says_so(transport: Transport, scheme: str, host: str) -> None:
    """The commonest fault, a server that is not running, is named with its address and its fix."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        origin = f"{scheme}://{host}:{sock.getsockname()[1]}"
        with pytest.raises(Unreachable, match=f"{origin} refused the connection. Start the model server"):
            await ask(transport, origin)


@pytest.fixture
def no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name resolves, and no name server is asked."""

    def no_such_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)


@pytest.mark.usefixtures("no_dns")
async def test_an_unknown_host_says_so(transport: Transport) -> None:
    """A name that does not resolve is told from a server that is down."""
    with pytest.raises(Unreachable, match=r"No such host: models\.example\.test"):
        await ask(transport, "http://models.example.test/v1")


async def test_a_server_that_does_not_shake_hands_times_out(transport: Transport) -> None:
    """The connect limit covers TLS too: a port that accepts and says nothing is no connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut) as caught:
        await ask(transport, f"https://127.0.0.1:{silent.getsockname()[1]}/v1", connect_timeout=0.05)
    assert caught.value.phase == "connect"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loopback_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def tls_server(certificate: Path) -> AsyncIterator[ModelServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with ModelServer(tls=context) as server:
        yield server


async def test_an_untrusted_certificate_is_refused(transport: Transport, tls_server: ModelServer) -> None:
    """Nothing is sent to a server that nobody vouches for; the fix names the setting."""
    with pytest.raises(TlsFailed, match=r"certificate of https://127.* is not trusted: self-signed.*ca_bundle"):
        await ask(transport, tls_server.base)
    assert tls_server.stats.requests == 0


async def test_a_ca_bundle_makes_it_trusted(certificate: Path, tls_server: ModelServer) -> None:
    """A company's own certificates work."""
    transport = Transport(Network(ca_bundle=str(certificate)))
    assert await ask(transport, tls_server.base)
    await transport.aclose()


async def test_a_missing_ca_bundle_is_named(tls_server: ModelServer, tmp_path: Path) -> None:
    """A wrong path in the settings is not taken for a fault of the server."""
    missing = tmp_path / "no-such.pem"
    with pytest.raises(TlsFailed, match=r"no-such.pem cannot be read: No such file"):
        await ask(Transport(Network(ca_bundle=str(missing))), tls_server.base)


async def test_https_to_a_plain_server_says_so(transport: Transport, server: ModelServer) -> None:
    """The commonest slip in a URL."""
    with pytest.raises((TlsFailed, Unreachable)) as caught:
        await ask(transport, server.base.replace("http:", "https:"))
    assert "https" in str(caught.value)


async def test_http_to_a_tls_server_is_no_connection(transport: Transport, tls_server: ModelServer) -> None:
    """The other way round."""
    with pytest.raises((InvalidFormat, Unreachable)):
        await ask(transport, tls_server.base.replace("https:", "http:"))
    assert tls_server.stats.requests == 0


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set proxy variables, and only those given."""

    def set_variables(**variables: str) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


async def test_a_proxy_is_used(transport: Transport, server: ModelServer, proxied: Callable[..., None]) -> None:
    """Hosts elsewhere are asked through HTTP_PROXY, with its user and password."""
    proxied(HTTP_PROXY=server.url.replace("://", "://user:p%40ss@"))
    with pytest.raises(EndpointNotFound):
        await ask(transport, "http://models.example.test/v1")
    assert list(server.stats.by_path) == ["http://models.example.test/v1/completions"]
    said = b"Basic " + base64.b64encode(b"user:p@ss")
    assert server.stats.last[-1].headers["proxy-authorization"] == hashlib.sha256(said).hexdigest()


async def test_https_goes_through_a_tunnel(transport: Transport, proxied: Callable[..., None]) -> None:
    """The proxy is asked for a connection and sees neither the key nor the code; its refusal is named as its own."""
    seen = bytearray()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        proxied(HTTPS_PROXY=f"http://user:pass@127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=r"The proxy for .* does not let us through: it answered 407"):
            await ask(transport, "https://models.example.test/v1")
    assert seen.startswith(b"CONNECT models.example.test:443 HTTP/1.1\r\n")
    assert b"proxy-authorization: basic " + base64.b64encode(b"user:pass").lower() in bytes(seen).lower()
    assert KEY.encode() not in seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_never_goes_through_a_proxy(
    transport: Transport, server: ModelServer, proxied: Callable[..., None], host: str
) -> None:
    """A model on this machine works behind a company's proxy, and the proxy does not see the code."""
    async with ModelServer() as proxy:
        proxied(HTTP_PROXY=proxy.url, http_proxy=proxy.url, ALL_PROXY=proxy.url)
        assert await ask(transport, server.base.replace("127.0.0.1", host))
        assert proxy.stats.connections == 0


@pytest.mark.usefixtures("no_dns")
async def test_no_proxy_is_honoured(transport: Transport, server: ModelServer, proxied: Callable[..., None]) -> None:
    """A host listed there is asked directly."""
    proxied(HTTP_PROXY=server.url, NO_PROXY="example.test")
    with pytest.raises(Unreachable, match="No such host"):
        await ask(transport, "http://models.example.test/v1")
    assert server.stats.connections == 0


@pytest.mark.parametrize(
    ("proxy", "text"),
    [("http://user:pass-w0rd@127.0.0.1:9", "The proxy for"), ("socks5://user:pass-w0rd@h:1", "socks5")],
)
async def test_a_proxy_that_does_not_work_is_named_without_its_password(
    transport: Transport, proxied: Callable[..., None], proxy: str, text: str
) -> None:
    """The error points at the proxy, not at the model."""
    proxied(HTTPS_PROXY=proxy)
    with pytest.raises(Unreachable, match=text) as caught:
        await ask(transport, "https://models.example.test/v1")
    assert "pass-w0rd" not in str(caught.value)


async def test_an_answer_without_end_is_given_up(
    transport: Transport, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that never stops talking does not fill the memory."""
    monkeypatch.setattr(room, "LARGEST_ANSWER", 1 << 16)
    with pytest.raises(InvalidFormat, match="an answer without an end"):
        await ask(transport, server.misbehaving("huge=1024"))


async def test_an_error_without_end_is_read_in_part(transport: Transport) -> None:
    """The status is what counts: neither a flood nor a silence after it keeps the error from the caller."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\ncontent-type: text/plain\r\n\r\n" + b"no " * (1 << 20))
        try:
            await writer.drain()
        except ConnectionError:
            writer.close()

    endless = await asyncio.start_server(flood, "127.0.0.1", 0)
    with pytest.raises(ServerFailed, match="answered 500: no no no") as caught:
        await ask(transport, f"http://127.0.0.1:{endless.sockets[0].getsockname()[1]}/v1")
    endless.close()
    assert len(caught.value.message) < 300


async def test_get_gives_status_and_body(
    transport: Transport, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe sees what there is, refusals too, and only what fits in the bounds."""
    assert (await transport.get(f"{server.base}/models", AUTH, timeout=5))[0] == 200
    assert (await transport.get(f"{server.misbehaving('401')}/models", AUTH, timeout=5))[0] == 401
    with pytest.raises(TimedOut) as caught:
        await transport.get(f"{server.misbehaving('hang')}/models", AUTH, timeout=0.05)
    assert caught.value.phase == "total"
    monkeypatch.setattr(room, "LARGEST_GET", 8)
    with pytest.raises(InvalidFormat):
        await transport.get(f"{server.base}/models", AUTH, timeout=5)


def test_importing_the_room_imports_no_http_client() -> None:
    """The language server starts before anybody asks a model."""
    code = "import sys, beastmode.transport; sys.exit(bool({'httpx', 'aiohttp', 'truststore'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "server"}).returncode == 0


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(transport: Transport) -> None:
    """The server closed it just then and was asked nothing, so the caller never learns of it."""
    answers = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        answers += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readexactly(1)  # the next request on this connection is never answered
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/x"
        for _ in range(3):
            async with transport.post(HttpCall(url, b"{}"), {}, connect_timeout=2) as answer:
                assert [chunk async for chunk in answer.chunks()] == [b"{}"]
    assert answers == 3


async def test_a_name_that_leads_to_a_metadata_address_is_never_asked(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the name says: what counts is where it leads to."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    for url in ("http://models.example/v1", "http://169.254.169.254/v1"):
        with pytest.raises(Unreachable, match="metadata address"):
            async with transport.post(HttpCall(url, b"{}"), {"authorization": "Bearer k"}, connect_timeout=2):
                pass
