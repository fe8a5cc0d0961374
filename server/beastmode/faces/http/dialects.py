"""How each API tells an error: in its own shape, with the status that its clients know what to do with."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from beastmode.domain.errors import AttemptFailed, BeastModeError, RateLimited, Resting
from beastmode.faces.http.discretion import for_user
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.problems import Refusal, headers_of, problem, status_of
from beastmode.wire import anthropic_ingress, openai_ingress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from beastmode.registry.registry import Registry

REFUSED: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
"""What both APIs call what the gateway itself refuses; anything else is an `invalid_request_error`."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """An API's way to tell errors.

    Attributes:
        error_body: an error as its JSON.
        id_headers: where its clients look for the id of a request.
    """

    error_body: Callable[[BeastModeError], dict[str, Any]]
    id_headers: tuple[str, ...]

    def refuse(self, error: BeastModeError, headers: Mapping[str, str] | None = None) -> Response:
        """The answer that tells an error before anything else was told."""
        body = self.error_body(error)
        if isinstance(error, Refusal):
            body["error"]["type"] = REFUSED.get(error.status, "invalid_request_error")
        given = {**(headers or {}), **headers_of(error), "x-should-retry": _should_retry(error)}
        return Json(body, status_of(error), given)


OPENAI = Dialect(openai_ingress.error_body, ("x-request-id",))
ANTHROPIC = Dialect(anthropic_ingress.error_body, ("request-id", "x-request-id"))


def refused(path: str, error: BeastModeError) -> Response:
    """The answer that tells an error at this path."""
    if path.startswith("/v1/messages"):
        return ANTHROPIC.refuse(error)
    return OPENAI.refuse(error) if path.startswith("/v1/") else problem(error)


def answers(registry: Registry) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler of exceptions for Starlette."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, BeastModeError)  # noqa: S101 - it is registered for nothing else
        return refused(request.url.path, for_user(error, request.state.user, registry))

    return answer


async def unknown(request: Request, error: Exception) -> Response:
    """The answer for a path or a method that there is not."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    said = (
        "There is nothing at this path"
        if error.status_code == HTTPStatus.NOT_FOUND
        else (f"{request.method} cannot be asked here")
    )
    return refused(request.url.path, Refusal(error.status_code, said, "See /openapi.json", headers=error.headers))


def _should_retry(error: BeastModeError) -> str:
    """Whether asking again makes sense, for the SDKs: what may help at once, the router has tried already."""
    waits = isinstance(error, AttemptFailed) and error.retry_after is not None
    busy = isinstance(error, RateLimited | Resting) or (isinstance(error, Refusal) and "retry-after" in error.headers)
    return "true" if waits or busy else "false"
