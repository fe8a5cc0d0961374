"""The outermost layer: a line in the access log for every request, and the headers that every answer has.

A line says who asked for what, how it ended and how long it took; never a body, a header or a query, which may hold a
key or somebody's code.
"""

from __future__ import annotations

import json
import logging
from time import monotonic, time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from beastmode.domain.errors import where
from beastmode.faces.http.problems import Refusal, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("beastmode.access")
log_errors = logging.getLogger(__name__)

HEADERS = (
    # No script but our own files, no frame around us, no other host asked for anything.
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
            b" font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_NO_STORE = (b"cache-control", b"no-store")
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")
_LONGEST_PATH = 200
_INTERNAL = 500


class Record:
    """Writes the line, adds the headers, and gives every request an id (`x-request-id` of the answer).

    Args:
        app: what comes next.
        is_secure: clients come over TLS, and should come over nothing else from now on.
    """

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._headers = (*HEADERS, _ONLY_TLS) if is_secure else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = monotonic()
        status = 0
        size = 0
        is_whole = False
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = uuid4().hex  # a model that answers gives it the id that the ledger has

        async def sending(message: Message) -> None:
            nonlocal status, size, is_whole
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message.get("headers", ()), state["request_id"])
            else:
                size += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            # Where it was, and not what it says: an error of a library may quote the request.
            log_errors.error("%s failed: %s at %s", scope["path"], type(error).__name__, where(error))  # noqa: TRY400
            if status:
                raise  # half an answer is out: the connection is closed, which tells the client
            await problem(Refusal(_INTERNAL, "Something went wrong here", "See the log"))(scope, receive, sending)
        finally:
            user = state.get("user")
            line = {
                "at": round(time(), 3),
                "id": state["request_id"],
                "client": (scope.get("client") or ("",))[0],
                "user": None if user is None else user.name or "owner",
                "method": scope["method"],
                "path": scope["path"][:_LONGEST_PATH],
                "status": status,
                "bytes": size,
                "whole": is_whole,
                "ms": round((monotonic() - began) * 1000, 1),
            }
            log.info("%s", json.dumps(line, ensure_ascii=True))

    def _completed(self, headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
        """The answer's own headers, which may be stricter than ours, and what is missing of ours."""
        own = list(headers)
        names = {name.lower() for name, _ in own}
        ours = (*self._headers, _NO_STORE, (b"x-request-id", request_id.encode()))
        return own + [(name, value) for name, value in ours if name not in names]
