"""The gateway as its clients see it, without a socket: the real application, asked in process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from beastmode.faces.http.server import Options, build, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette

    from beastmode.faces.http.gateway import Gateway
    from beastmode.settings import Settings

PORT = 4747
BASE = f"http://127.0.0.1:{PORT}"


@dataclass
class Gate:
    """A gateway that is open.

    Attributes:
        gateway: what its routes have.
        application: what a server would run.
        token: the owner's.
        client: asks as the owner.
    """

    gateway: Gateway
    application: Starlette
    token: str
    client: httpx.AsyncClient

    def as_(self, token: str | None, **headers: str) -> httpx.AsyncClient:
        """A client with another token, or without one; the caller closes it, or does not care."""
        return client_of(self.application, token, **headers)

    async def register(self, base: str, model_id: str = "my-code-model", **fields: Any) -> None:
        """Register a model that answers at a loopback server, whatever that says."""
        given = {"model_name": "M", "model_id": model_id, "endpoint_url": base, "provider": "openai-compatible"}
        await self.gateway.app.models.register(given | fields, lambda _: None, force=True)


def client_of(application: Starlette, token: str | None, **headers: str) -> httpx.AsyncClient:
    """A client of an application."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given |= {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=given)


@asynccontextmanager
async def opened_gate(settings: Settings, **options: Any) -> AsyncIterator[Gate]:
    """Open the gateway of a user's settings, with the built-in model's weights never asked for."""
    async with opened(settings, Options(**options), PORT) as gateway:
        gateway.owner.make()
        token = gateway.owner.read()
        application = build(gateway)
        async with client_of(application, token) as client:
            yield Gate(gateway, application, token, client)
