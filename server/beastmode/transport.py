"""The only room that opens connections: pool, proxies, TLS, and everything that can go wrong there as domain errors.

httpx is the interface (requests, responses, transports), aiohttp the engine below it; httpx's client is left out, since
its redirects, cookies, hooks and URL logging are all things that must not happen here. Both are imported at the first
request, as importing them costs more than starting the language server does.
"""

# ruff: noqa: PLC0415  # see above: httpx, aiohttp and ssl are imported where they are first needed

from __future__ import annotations

import asyncio
import socket
import time
from base64 import b64encode
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import unquote, urlsplit

from beastmode import __version__
from beastmode.domain.address import is_refused
from beastmode.domain.errors import (
    AttemptFailed,
    ConnectionLost,
    InvalidFormat,
    StreamCut,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from beastmode.domain.model import is_loopback, origin_of
from beastmode.wire.base import HttpCall
from beastmode.wire.refusal import refusal
from beastmode.wire.shapes import HTML_PAGE, quote

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

    import aiohttp
    import httpx
    from aiohttp.abc import ResolveResult
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace


LARGEST_ANSWER = 64 << 20
LARGEST_ERROR = 64 << 10
LARGEST_GET = 1 << 20
"""Bytes of a body that are read at most."""

ERROR_BODY_TIMEOUT = 2.0
"""Seconds that the body of an error may take; without it the status alone has to do."""

KEEPALIVE = 4.0
"""Seconds an idle connection is kept: llama.cpp, uvicorn and others close theirs after 5, and theirs must not win."""

LEFTOVER_TIMEOUT = 0.01
"""Seconds for what still follows an answer that the caller has had enough of, mostly `[DONE]`, so that the connection
can be kept."""

SHORTEST_SECRET = 4

SENDS = 2
"""How often a call is sent: once more where the connection was a kept one that the server had closed just then."""

REFUSED_ADDRESS = "it leads to a link-local or metadata address, which is never asked"

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "user-agent": f"beastmode/{__version__}",
    }
)

_connect_s: ContextVar[float | None] = ContextVar("connect_s")
"""What the connection of this task's request took; None as long as none had to be made."""


@dataclass(frozen=True, slots=True)
class Network:
    """What the settings say about the network. Proxies come from the usual environment variables."""

    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose head has come. `connect_s`: seconds until there was a connection, near 0 on a kept one."""

    content_type: str
    connect_s: float
    _stream: AsyncIterator[bytes]
    _origin: str

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes in. Read to its end, it leaves the connection open for the next request.

        Raises:
            StreamCut: the connection broke.
            InvalidFormat: there is no end to it.
        """
        return _Chunks(self._stream, self._origin)


class _Chunks:
    """The pieces of a body. No generator, for one that is not read to its end costs a task to close it."""

    def __init__(self, stream: AsyncIterator[bytes], origin: str) -> None:
        self._stream = stream
        self._origin = origin
        self._size = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._stream)
        except _network_errors():
            raise StreamCut(f"{self._origin} broke the connection in the middle of its answer", "Try again") from None
        self._size += len(chunk)
        if self._size > LARGEST_ANSWER:
            raise InvalidFormat("an answer without an end")
        return chunk


@dataclass(frozen=True, slots=True)
class _Target:
    """Where calls to one URL go; kept, as parsing a URL costs as much as all the rest of a request object."""

    url: httpx.URL
    origin: str
    engine: httpx.AsyncBaseTransport
    headers: Mapping[str, str]


class Transport:
    """Sends calls. One for a process; closed at its end.

    Args:
        network: from the settings.
        now: Unix time in seconds, for a `Retry-After` that is a date.
    """

    def __init__(self, network: Network, now: Callable[[], float] = time.time) -> None:
        self._network = network
        self._now = now
        self._targets: dict[str, _Target] = {}
        self._engines: dict[tuple[bool, str | None], httpx.AsyncBaseTransport] = {}
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def post(
        self, call: HttpCall, secret_headers: Mapping[str, str], *, connect_timeout: float
    ) -> AsyncIterator[Answer]:
        """Send a call; inside the block its answer can be read, after the block its connection is given up.

        No error that leaves the block has a value of `secret_headers` in its text, wherever in the block it arose.

        Raises:
            Unreachable, TlsFailed, TimedOut: there was no connection within `connect_timeout` seconds.
            Unauthorized, EndpointNotFound, RateLimited, ServerFailed, Rejected: the status says no.
            InvalidFormat: a web page, a redirect, a compressed body, or no HTTP at all.
        """
        origin = origin_of(call.url)
        try:
            response, connect_s = await self._send("POST", call, secret_headers, connect_timeout)
            try:
                if not response.is_success:
                    body = await _start_of_body(response)
                    raise refusal(response.status_code, response.headers, body, origin, self._now())
                _check_readable(response)
                content_type = response.headers.get("content-type", "")
                if "html" in content_type.lower():
                    raise InvalidFormat(HTML_PAGE, "Check the endpoint URL: a web page answers there")
                body_stream = _body(response)
                try:
                    yield Answer(content_type, connect_s, body_stream, origin)
                    await _read_leftover(body_stream)
                finally:
                    await body_stream.aclose()
            finally:
                await response.aclose()
        except AttemptFailed as error:
            _redact(error, secret_headers)
            raise

    async def get(self, url: str, secret_headers: Mapping[str, str], *, timeout: float) -> tuple[int, bytes]:  # noqa: ASYNC109  # all in all, where callers could not tell a slow connection from a slow answer
        """Status and body of a free question such as /v1/models, within `timeout` seconds in all.

        Raises:
            Unreachable, TlsFailed, TimedOut, InvalidFormat: there is no usable answer.
        """
        origin = origin_of(url)
        try:
            async with asyncio.timeout(timeout):
                response, connect_s = await self._send("GET", HttpCall(url, b""), secret_headers, timeout)
                try:
                    _check_readable(response)
                    body = b""
                    async for chunk in Answer("", connect_s, _body(response), origin).chunks():
                        body += chunk
                        if len(body) > LARGEST_GET:
                            raise InvalidFormat("a body of more than 1 MiB")
                    return response.status_code, body
                finally:
                    await response.aclose()
        except TimeoutError:
            raise TimedOut("total", timeout, origin) from None
        except AttemptFailed as error:
            _redact(error, secret_headers)
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            await engine.aclose()
        self._engines.clear()
        self._targets.clear()

    async def _send(
        self, method: str, call: HttpCall, secret_headers: Mapping[str, str], connect_timeout: float
    ) -> tuple[httpx.Response, float]:
        """The head of the answer, and the seconds that the connection took."""
        import httpx

        target = self._targets.get(call.url) or await self._target(call.url)
        _check_headers(secret_headers, target.origin)
        request = httpx.Request(
            method,
            target.url,
            headers={**target.headers, **dict(call.headers), **secret_headers},
            content=call.body,
            extensions={"timeout": {"connect": connect_timeout, "pool": connect_timeout}},
        )
        for tries_left in reversed(range(SENDS)):
            _connect_s.set(None)
            try:
                return await target.engine.handle_async_request(request), _connect_s.get() or 0.0
            except _network_errors() as error:
                failure = _failure(error, target.origin, connect_timeout)
                is_stale = isinstance(failure, ConnectionLost) and _connect_s.get() is None
                if not is_stale or not tries_left:
                    raise failure from None
        raise AssertionError("the last try returns or raises")

    async def _target(self, url: str) -> _Target:
        """The pool for this URL: this machine and hosts in NO_PROXY directly, others through their proxy."""
        import httpx
        from httpx_aiohttp import AiohttpTransport

        origin = origin_of(url)
        if _is_refused_literal(urlsplit(url).hostname or ""):
            raise Unreachable(f"{origin} is not asked: {REFUSED_ADDRESS}", "Register the address of a model server")
        is_https = urlsplit(url).scheme == "https"
        proxy = _proxy_for(url, origin)
        if is_https and self._tls is None:
            self._tls = await asyncio.to_thread(_tls_context, self._network.ca_bundle)
        server, credentials = _proxy_parts(proxy)
        key = (is_https, proxy)
        if key not in self._engines:
            tls = self._tls if is_https and self._tls is not None else False
            self._engines[key] = AiohttpTransport(
                verify=tls,
                trust_env=False,
                proxy=httpx.Proxy(server, headers=credentials) if server else None,
                client=lambda: _session(tls),
            )
        # A tunnel gets the proxy's credentials when it is opened; without one they go with each request.
        headers = HEADERS if is_https else {**HEADERS, **credentials}
        self._targets[url] = _Target(httpx.URL(url), origin, self._engines[key], headers)
        return self._targets[url]


def load_network() -> None:
    """Import what the first request needs, which takes a thread the better part of a second on a busy machine."""
    _network_errors()


def _is_refused_literal(host: str) -> bool:
    try:
        return is_refused(ip_address(host))
    except ValueError:
        return False


def _session(tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:  # noqa: FBT001  # aiohttp's own type: a context, or False
    """A pool of aiohttp without its habits: no cookies, no netrc, no headers of its own, no limit but the router's."""
    import aiohttp

    class Connector(aiohttp.TCPConnector):
        """Notes that a connection had to be made, and how long that took: aiohttp's tracing costs more."""

        async def _create_connection(
            self,
            req: aiohttp.ClientRequest,
            traces: list[Trace],
            timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's
        ) -> ResponseHandler:
            started = time.perf_counter()
            connection = await super()._create_connection(req, traces, timeout)
            _connect_s.set(time.perf_counter() - started)
            return connection

    class Resolver(aiohttp.ThreadedResolver):
        """Looks names up as the system does, without the addresses that no model ever answers at."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found = await super().resolve(host, port, family)
            allowed = [each for each in found if not is_refused(ip_address(each["host"]))]
            if found and not allowed:
                raise OSError(None, REFUSED_ADDRESS)
            return allowed

    return aiohttp.ClientSession(
        connector=Connector(limit=0, ssl=tls, keepalive_timeout=KEEPALIVE, resolver=Resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
    )


def _tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The trust of the operating system, and the certificates of the settings on top of it.

    Raises:
        TlsFailed: those cannot be read.
    """
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_bundle is not None:
        try:
            context.load_verify_locations(ca_bundle)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or type(error).__name__
            raise TlsFailed(
                f"The CA bundle {ca_bundle} cannot be read: {reason}", "Correct network.ca_bundle in the settings"
            ) from None
    return context


def _proxy_for(url: str, origin: str) -> str | None:
    """The proxy that the environment names for a URL; never one for this machine.

    Raises:
        Unreachable: it is of a kind that we cannot use.
    """
    if is_loopback(url):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    if "://" not in proxy:
        return f"http://{proxy}"
    scheme = proxy.partition("://")[0]
    if scheme not in ("http", "https"):
        raise Unreachable(
            f"The proxy for {origin} is of a kind that cannot be used: {scheme}",
            "Set an HTTP proxy in HTTPS_PROXY, or list the host in NO_PROXY",
        )
    return proxy


def _proxy_parts(proxy: str | None) -> tuple[str | None, dict[str, str]]:
    """A proxy's URL without its user and password, and the header that says those."""
    parts = urlsplit(proxy or "")
    userinfo, at, server = parts.netloc.rpartition("@")
    if not at:
        return proxy, {}
    said = b64encode(unquote(userinfo).encode()).decode()
    return f"{parts.scheme}://{server}", {"proxy-authorization": f"Basic {said}"}


def _network_errors() -> tuple[type[Exception], ...]:
    """What httpx, aiohttp and the system raise when the network fails."""
    import aiohttp
    import httpx
    import httpx_aiohttp  # noqa: F401  # part of warming up

    return httpx.TransportError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError


def _failure(error: Exception, origin: str, connect_timeout: float) -> AttemptFailed:
    """The error for a request that got no answer: the one place that knows which.

    httpx-aiohttp maps coarsely (a reset becomes a connect timeout), so the cause decides. The text of an error is used
    only where it comes from the system: others quote the request.
    """
    import ssl

    import aiohttp

    cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error
    match cause:
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return TimedOut("connect", connect_timeout, origin)
        case aiohttp.ClientConnectorCertificateError(certificate_error=problem):
            reason = problem.verify_message if isinstance(problem, ssl.SSLCertVerificationError) else "it is not valid"
            return TlsFailed(
                f"The certificate of {origin} is not trusted: {reason}",
                "If it is your own, name its CA in network.ca_bundle of the settings",
            )
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return TlsFailed(
                f"No TLS connection to {origin}: {getattr(cause, 'reason', None) or 'the handshake failed'}",
                "Check that the endpoint speaks https on this port; else register it as http://",
            )
        case aiohttp.ClientResponseError() if not isinstance(cause, aiohttp.ClientHttpProxyError):
            return InvalidFormat("something else than HTTP", "If the endpoint speaks TLS, register it as https://")
        case _:
            kind = ConnectionLost if _was_connected(cause) else Unreachable
            return kind(*_why_unreachable(cause, origin))


def _was_connected(cause: BaseException) -> bool:
    """Whether a server took the connection and then dropped it without a word."""
    import aiohttp

    never = aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError
    return isinstance(cause, aiohttp.ClientConnectionError | OSError) and not isinstance(cause, never)


def _why_unreachable(cause: BaseException, origin: str) -> tuple[str, str]:
    """What to say of a connection that could not be had, and what to do about it."""
    import aiohttp

    match cause:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            said = (
                f"it answered {cause.status}"
                if isinstance(cause, aiohttp.ClientHttpProxyError)
                else _system_text(cause)
            )
            why = f"The proxy for {origin} does not let us through: {said}"
            return why, "Check HTTP_PROXY and HTTPS_PROXY, or list the host in NO_PROXY"
        case aiohttp.ClientConnectorDNSError(os_error=OSError(strerror=said)):
            refused = said == REFUSED_ADDRESS
            why = f"{origin} is not asked: {said}" if refused else f"No such host: {urlsplit(origin).hostname}"
            return why, "Check the endpoint URL, and the network"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"{origin} refused the connection", "Start the model server, or correct the endpoint URL"
        case aiohttp.ClientConnectorError():
            return f"No connection to {origin}: {_system_text(cause)}", "Check the endpoint URL, and the network"
        case aiohttp.ClientConnectionError() | OSError():
            return f"{origin} closed the connection before it answered", "Try again; see the endpoint's own log"
        case _:
            return f"{origin} cannot be asked: {type(cause).__name__}", "Check the endpoint URL"


def _system_text(error: aiohttp.ClientConnectorError) -> str:
    return error.os_error.strerror or type(error.os_error).__name__


def _check_headers(secret_headers: Mapping[str, str], origin: str) -> None:
    """Refuse a key that no header can carry before a library quotes it in its complaint."""
    if not all(value.isascii() and value.isprintable() for value in secret_headers.values()):
        raise Unauthorized(
            f"The API key for {origin} has characters that no HTTP header can carry",
            "Enter the key again; it may have been pasted with a line break",
            status=401,
        )


def _check_readable(response: httpx.Response) -> None:
    """Refuse bodies that nobody asked for: we said `identity`, so a compressed one is an error, or a bomb."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise InvalidFormat(f"a compressed body ({quote(encoding)[:20]})", "Turn compression off at the endpoint")


def _body(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The raw bytes as they come: there is nothing to decode, as compressed bodies are refused."""
    return cast("AsyncGenerator[bytes]", aiter(cast("httpx.AsyncByteStream", response.stream)))


async def _start_of_body(response: httpx.Response) -> bytes:
    """As much of an error's body as is worth reading."""
    body = b""
    try:
        async with asyncio.timeout(ERROR_BODY_TIMEOUT):
            async for chunk in _body(response):
                body += chunk
                if len(body) >= LARGEST_ERROR:
                    break
    except _network_errors():
        pass  # the status has said enough
    return body[:LARGEST_ERROR]


async def _read_leftover(body: AsyncIterator[bytes]) -> None:
    """Read to the end if it is close."""
    try:
        async with asyncio.timeout(LEFTOVER_TIMEOUT):
            async for _ in body:
                pass
    except _network_errors():
        pass  # then the connection is closed instead


def _redact(error: AttemptFailed, secret_headers: Mapping[str, str]) -> None:
    """Take every secret out of an error's text: endpoints quote keys back."""
    for value in secret_headers.values():
        for secret in (value, value.rpartition(" ")[2]):
            if len(secret) >= SHORTEST_SECRET:
                error.message = error.message.replace(secret, "[key]")
                error.fix = error.fix.replace(secret, "[key]")
    error.args = (error.message,)
