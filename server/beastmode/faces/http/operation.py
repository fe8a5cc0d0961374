"""A route that says what it takes and what it gives; /openapi.json is made of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import BaseModel
    from starlette.responses import Response
    from starlette.routing import Match
    from starlette.types import ASGIApp, Receive, Scope, Send

ROUTE = "beastmode.route"
"""In the scope of a request: the path of its route, as in `Operation`."""


@dataclass(frozen=True, slots=True)
class Described:
    """What /openapi.json says of a route.

    Attributes:
        summary: what it does, in a line.
        body: what it takes, by the same class that checks it; None for nothing.
        answer: what it gives; a class, a JSON schema, or None for an answer that is not JSON.
        status: of a good answer.
        media_type: of the answer.
        streams: it also answers by server-sent events, to whoever accepts those.
        query: the parameters that it takes, each with its JSON schema.
        errors: the statuses that it may answer with, besides those that every route may.
        tag: of which part of the interface it is.
    """

    summary: str
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | Mapping[str, Any] | None = None
    status: int = 200
    media_type: str = "application/json"
    streams: bool = False
    query: Mapping[str, Mapping[str, Any]] | None = None
    errors: tuple[int, ...] = ()
    tag: str = "beastmode"

    @property
    def is_foreign(self) -> bool:
        """The interface is somebody else's, and tells errors in its own shape."""
        return self.tag in {"openai", "anthropic"}


class Operation(Route):
    """One method at one path.

    Args:
        method: of HTTP.
        path: as Starlette's.
        endpoint: answers.
        described: for /openapi.json; None leaves the route out of it (a page, not an interface).
    """

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        described: Described | None = None,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.app = _answering(endpoint)
        self.method = method
        self.described = described

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's; the scope then says which route it is, whatever stands in its parameters."""
        match, found = super().matches(scope)
        return match, {**found, ROUTE: self.path} if found else found


def _answering(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """As Starlette's, but errors are looked for once, around all routes, instead of around every piece of an answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return app
