"""How the gateway and its models do: the specification's object, Prometheus' text, and what a load balancer asks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response

from beastmode.domain.errors import BeastModeError
from beastmode.faces.http.auth import caller, require_owner
from beastmode.faces.http.discretion import without_addresses
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import ROUTE, Described, Operation
from beastmode.operations.durations import read_since
from beastmode.operations.metrics.gauges import read_gauges
from beastmode.operations.metrics.prometheus import MEDIA_TYPE, Prometheus
from beastmode.operations.metrics.recorder import Recorder
from beastmode.operations.monitoring import look, to_details, to_specification

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from beastmode.app import App
    from beastmode.faces.http.gateway import Gateway

USUAL = "24h"
LOOKS_S = 1.0
"""How long an answer of /readyz holds: it needs no token, so it must cost next to nothing."""
SENDS_S = 15.0
"""How often gauges are read for a collector."""
SETTLE_S = 2.0
"""Seconds that belong to the first requests."""
CLIENT_CLOSED = 499
_INTERNAL = 500
UNMATCHED = "unmatched"

log = logging.getLogger(__name__)


class Metrics:
    """The metrics of this process.

    Attributes:
        recorder: measures.
        prometheus: what is scraped.
    """

    def __init__(self, app: App) -> None:
        self.prometheus = Prometheus()
        self.recorder = Recorder([self.prometheus], app.prices.remembered)
        app.watch(self.recorder)


@asynccontextmanager
async def observed(app: App) -> AsyncGenerator[Metrics]:
    """Keeps metrics, sends them where a collector is named, and watches for alerts, until the context is left.

    And looks up the prices that are missing: without the baseline's nobody could say what was saved.
    """
    metrics = Metrics(app)
    tasks = [asyncio.create_task(_settle(app)), asyncio.create_task(app.alerts.run())]
    otlp = None
    if app.settings.otlp:
        from beastmode.operations.metrics.otlp import Otlp  # noqa: PLC0415 - an extra

        try:
            otlp = Otlp()
        except BeastModeError as error:
            log.warning("%s", error)
        else:
            metrics.recorder.sinks.append(otlp)
            tasks.append(asyncio.create_task(_keep_gauges(app, metrics.recorder)))
    try:
        yield metrics
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if otlp is not None:
            await asyncio.to_thread(otlp.close)


async def _settle(app: App) -> None:
    await asyncio.sleep(SETTLE_S)
    await app.settle()


async def _keep_gauges(app: App, recorder: Recorder) -> None:
    while True:
        with suppress(BeastModeError):
            await read_gauges(app, recorder, time())
        await asyncio.sleep(SENDS_S)


class Measure:
    """Measures every request to the gateway, cancelled ones included."""

    def __init__(self, app: ASGIApp, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, first_byte = monotonic(), CLIENT_CLOSED, None

        async def note(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status = message["status"]
            elif first_byte is None:
                first_byte = monotonic() - began
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:
            status = _INTERNAL
            raise
        finally:
            self._recorder.request(route_of(scope), scope["method"], status, monotonic() - began, first_byte)


def route_of(scope: Scope) -> str:
    """The path as the route has it, `/api/models/{model_id}`; of no route, nothing of what the client sent."""
    path: str = scope.get(ROUTE, UNMATCHED)
    return path.replace(":path}", "}")


def routes(gateway: Gateway) -> list[BaseRoute]:
    """The routes of this module."""
    app, metrics = gateway.app, gateway.metrics
    ready = _Ready(gateway)

    async def monitoring(request: Request) -> Response:
        now, who = time(), caller(request)
        since = read_since(request.query_params.get("since", USUAL), now)
        seen = await look(app.ledger, now, since, None if who.is_owner else who.name)
        if request.query_params.get("details") != "true":
            return Json(to_specification(seen))
        said = to_details(seen, await app.alerts.lost() if who.is_owner else ())
        return Json(without_addresses(said, who, app.registry))

    async def scraped(request: Request) -> Response:
        require_owner(request)
        await read_gauges(app, metrics.recorder, time())
        return Response(metrics.prometheus.text(), media_type=MEDIA_TYPE)

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def is_ready(_request: Request) -> Response:
        problem = await ready.problem()
        return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)

    query: dict[str, dict[str, Any]] = {
        "since": {"type": "string", "default": USUAL, "description": "24h, 30m, 7d, a day, a local time, Unix seconds"},
        "details": {"type": "string", "enum": ["true", "false"], "description": "also models, recent errors, series"},
    }
    told = Described(
        "How the models do: requests, latencies, costs, savings, health",
        answer={"type": "object", "required": ["success", "metrics", "health"]},
        query=query,
        errors=(400,),
    )
    return [
        Operation("GET", "/api/models/custom/monitoring", monitoring, told),
        Operation("GET", "/metrics", scraped, Described("Prometheus' text", media_type="text/plain")),
        Operation("GET", "/healthz", healthy),
        Operation("GET", "/readyz", is_ready),
    ]


class _Ready:
    """Whether requests can be answered: the database answers, and the gateway has not been told to end."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._looked_at = -LOOKS_S
        self._found = ""
        self._one_at_a_time = asyncio.Lock()

    async def problem(self) -> str:
        """'' where it is ready."""
        if self._gateway.ending.is_set():
            return "ending"
        async with self._one_at_a_time:
            if monotonic() - self._looked_at >= LOOKS_S:
                try:
                    await self._gateway.app.refresh()
                    self._found = ""
                except BeastModeError:
                    self._found = "the database does not answer"
                self._looked_at = monotonic()
        return self._found
