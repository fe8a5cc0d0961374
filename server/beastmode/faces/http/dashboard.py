"""The dashboard: its page, and what the page asks; the page itself is built from dashboard/ into static/."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from beastmode.faces.http import sign_in
from beastmode.faces.http.auth import caller
from beastmode.faces.http.figures import figures, view_of
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Operation
from beastmode.faces.http.streaming import EventStream, event, while_connected
from beastmode.registry.registration import FORM

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from beastmode.faces.http.gateway import Gateway

FOLDER = Path(__file__).with_name("static")
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
LOOKS_EVERY_S = 1.0
BREATHES_EVERY = 15
"""Looks after which a quiet stream says something, so that no proxy takes it for dead."""
LISTENS_S = 600.0
"""How long one stream lasts; the page opens the next one by itself, and whoever was signed out meanwhile cannot."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No script, style, frame, form or connection but our own, and no markup made of text."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """The page, its files, and its questions."""

    async def overview(request: Request) -> Response:
        view = view_of(request.query_params, time())
        return Json(await while_connected(request, figures(gateway, caller(request), view, time())))

    async def changes(_request: Request) -> Response:
        return EventStream(_changes(gateway))

    async def form(_request: Request) -> Response:
        return Json([asdict(field) for field in FORM])

    return [
        Operation("GET", "/", _page("index.html", {"content-security-policy": _POLICY})),
        *(Operation("GET", f"/static/{file.name}", _page(file.name, {})) for file in sorted(FOLDER.iterdir())),
        *sign_in.routes(gateway),
        Operation("GET", "/api/dashboard/overview", overview),
        Operation("GET", "/api/dashboard/changes", changes),
        Operation("GET", "/api/dashboard/form", form),
    ]


def _page(name: str, headers: dict[str, str]) -> Any:
    """An endpoint that gives one file, which was read when the gateway started: no path is made of a request."""
    file = FOLDER / name
    body = file.read_bytes()
    tag = f'"{sha256(body).hexdigest()[:16]}"'
    given = {"cache-control": "no-cache", "etag": tag, **headers}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=given)
        return Response(body, headers=given, media_type=KINDS[file.suffix])

    return answer


async def _changes(gateway: Gateway) -> AsyncGenerator[bytes]:
    """An event after whatever happens, at most one a second; it says nothing, for the page asks what it shows."""
    ledger, began, quiet = gateway.app.ledger, time(), 0
    seen = await ledger.pulse(began)
    yield b"retry: 2000\n: listening\n\n"
    while time() - began < LISTENS_S:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOKS_EVERY_S):
                await gateway.ending.wait()
                return
        now = await ledger.pulse(time())
        quiet = 0 if now != seen else quiet + 1
        if now != seen:
            seen = now
            yield event({}, "changed")
        elif quiet % BREATHES_EVERY == 0:
            yield b": still here\n\n"
