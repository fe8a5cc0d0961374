"""Puts the gateway together and runs it: the guard first, then the routes of every API."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic, time
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response

from beastmode.app import App
from beastmode.domain.errors import BeastModeError, UserError
from beastmode.faces.http import anthropic_api, beastmode_api, dashboard, dialects, monitoring, openai_api, openapi
from beastmode.faces.http.body import BodyLimit
from beastmode.faces.http.connection import Connection
from beastmode.faces.http.folders import Folders
from beastmode.faces.http.gateway import Access, Gateway
from beastmode.faces.http.guard import Guard
from beastmode.faces.http.monitoring import Measure, observed
from beastmode.faces.http.owner_token import FILE, OwnerToken
from beastmode.faces.http.rates import Rates
from beastmode.faces.http.record import Record
from beastmode.faces.http.sessions import Sessions
from beastmode.faces.http.streaming import ClientGone
from beastmode.logs import lines_to
from beastmode.operations.gateway_address import announced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from beastmode.router.hub import Hub
    from beastmode.settings import Settings

PORT = 4747
HTTP_PORT, HTTPS_PORT = 80, 443
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFRESH_S = 1.0
"""How soon what another process has changed holds here: a token that was taken away, a model that was removed."""
PATIENCE_S = 30
"""How long answers under way may take when the gateway is told to end."""
BACKLOG = 2048
"""Connections that wait to be taken up."""
KEEP_ALIVE_S = 75
"""Seconds that a quiet connection is kept: longer than the usual proxies keep theirs, so that they close first."""

APIS: tuple[Callable[[Gateway], list[BaseRoute]], ...] = (
    openai_api.routes,
    anthropic_api.routes,
    beastmode_api.routes,
    monitoring.routes,
    dashboard.routes,
)
"""Each makes its routes, looked through in this order; the OpenAPI document is added to them all."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How `beastmode serve` is started.

    Attributes:
        host, port: where it listens; port 0: any that is free.
        workspaces: the folders that requests may name.
        writes: requests may ask for their change to be written.
        certificate, key: files of TLS.
        behind_proxy: a proxy in front of it takes care of TLS.
        names: hosts, besides its own address, that requests may be sent to: a proxy's public name.
    """

    host: str = LOOPBACK[0]
    port: int = PORT
    workspaces: Mapping[str, Path] = field(default_factory=dict)
    writes: bool = False
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    names: Sequence[str] = ()


def build(gateway: Gateway, apis: Iterable[Callable[[Gateway], list[BaseRoute]]] = APIS) -> Starlette:
    """The application: what watches over every request, then the routes."""
    routes = [route for api in apis for route in api(gateway)]
    return Starlette(
        routes=[*routes, *openapi.routes(routes)],
        middleware=[
            Middleware(Record, is_secure=gateway.access.is_secure),
            Middleware(Measure, recorder=gateway.metrics.recorder),
            Middleware(Guard, gateway=gateway),
            Middleware(BodyLimit),
        ],
        exception_handlers={
            BeastModeError: dialects.answers(gateway.app.registry),
            ClientGone: _nobody,
            404: dialects.unknown,
            405: dialects.unknown,
        },
    )


async def _nobody(_request: Request, _gone: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the access log does


@asynccontextmanager
async def opened(
    settings: Settings, options: Options, port: int, notices: Sequence[str] = ()
) -> AsyncGenerator[Gateway]:
    """A gateway with everything that it needs, open until the context is left."""
    app = await App.open(settings, notices)
    watching = asyncio.create_task(_keep_fresh(app))
    folders = Folders(app, options.workspaces)
    try:
        owner = OwnerToken(settings.paths.home / FILE)
        access = Access(
            hosts=hosts(options, port),
            writes=options.writes,
            is_secure=options.behind_proxy or options.certificate is not None,
        )
        async with observed(app) as metrics:
            yield Gateway(
                app,
                access,
                owner,
                Sessions(owner, app.registry.users, time),
                _rates(app),
                folders,
                metrics,
            )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await folders.aclose()
        await app.close()


def _rates(app: App) -> Rates:
    """One limit a user for all gateways that share a database."""
    if app.replicas is None:
        return Rates(monotonic)
    rates = Rates(monotonic, app.replicas.asked)
    app.replicas.on_others = rates.elsewhere
    return rates


async def _keep_fresh(app: App) -> None:
    """Take over what other processes change, and be the one whose router they share where nobody else is."""
    hub: Hub | None = None
    try:
        while True:
            hub = hub or await app.host_router()
            await asyncio.sleep(REFRESH_S)
            try:
                await app.refresh()
                await app.ledger.holds.sweep()
                if app.replicas is not None:
                    await app.replicas.exchange()
            except BeastModeError as error:
                log.warning("What has changed could not be read: %s", error)
    finally:
        if hub is not None:
            await hub.aclose()


def hosts(options: Options, port: int) -> frozenset[str]:
    """What a request's Host may be: this machine's names and the one it listens on with the port, and those given."""
    own = {*LOOPBACK, options.host} - {"0.0.0.0", "::"}  # noqa: S104 - which nobody sends
    plain = {f"[{host}]" if ":" in host else host for host in own}
    named = {f"{host}:{port}" for host in plain}
    if port == (HTTP_PORT if options.certificate is None else HTTPS_PORT):
        named |= plain  # of its scheme's own port nothing is sent
    given = {name if ":" in name or options.behind_proxy else f"{name}:{port}" for name in options.names}
    return frozenset(name.lower() for name in named | given)


def check(options: Options) -> None:
    """Raise UserError where the options would let strangers read what is sent."""
    if (options.certificate is None) != (options.key is None):
        raise UserError("TLS needs a certificate and its key", "Give both --tls-cert and --tls-key")
    if options.host in LOOPBACK or options.certificate is not None or options.behind_proxy:
        return
    raise UserError(
        f"{options.host} can be reached from other machines, and tokens would travel unencrypted",
        "Give --tls-cert and --tls-key, or --behind-proxy where a proxy in front of it speaks TLS",
    )


def main(settings: Settings, notices: Sequence[str], options: Options, say: Callable[[str, str | None], None]) -> None:
    """Serve until the process is told to end.

    Args:
        settings: the owner's.
        notices: about them.
        options: from the command line.
        say: is told the address, and the owner's token where it has just been made.

    Raises:
        UserError: the options are not safe, or the address is taken.
        BeastModeError: the database cannot be opened.
    """
    check(options)
    lines_to(settings.paths.log_file.with_name("access.log"), "beastmode.access")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, notices, options, say))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(
    settings: Settings, notices: Sequence[str], options: Options, say: Callable[[str, str | None], None]
) -> None:
    with closing(listening_on(options)) as listening:
        port = listening.getsockname()[1]
        made = OwnerToken(settings.paths.home / FILE).make()
        async with opened(settings, options, port, notices) as gateway:
            server = server_of(gateway, options)
            url = address(options, port)
            with announced(settings.paths.run_dir, url):
                say(url, made)
                await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Says that it ends before it waits for the answers under way; being told to end is no failure."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which kills the process by the same signal at last, before anything could be closed."""
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        self._ending.set()
        super().handle_exit(sig, frame)


def server_of(gateway: Gateway, options: Options) -> uvicorn.Server:
    """What speaks HTTP."""
    return _Server(
        uvicorn.Config(
            build(gateway),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=PATIENCE_S,
            ssl_certfile=options.certificate,
            ssl_keyfile=options.key,
        ),
        gateway.ending,
    )


def address(options: Options, port: int) -> str:
    """Where it can be reached on this machine."""
    host = options.host if options.host not in {"0.0.0.0", "::"} else LOOPBACK[0]  # noqa: S104 - listens everywhere
    scheme = "http" if options.certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def listening_on(options: Options) -> socket.socket:
    """The socket; raises UserError where the address is taken."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host, options.port))
        listening.listen(BACKLOG)  # from here on a client waits, and is not refused
    except OSError as error:
        listening.close()
        raise UserError(
            f"{options.host} port {options.port} cannot be listened on: {error.strerror}",
            "Stop what listens there, or choose another one with --port",
        ) from error
    return listening
