"""How large a request may be, and how long it may take to arrive; and reading it as what it should be."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from beastmode.faces.http.problems import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 16 * 1024 * 1024
"""Bytes of a body: a conversation with pictures in it."""
SLOWEST_S = 30.0
"""Until the whole of a body must be here."""

Body = TypeVar("Body", bound=BaseModel)


class BodyLimit:
    """Refuses bodies that are too large or too slow, before or while a route reads them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, _Counted(scope, receive), send)


class _Counted:
    """Receives a body within its limits; after its end, what comes is passed on without one."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._deadline = monotonic() + SLOWEST_S
        self._left = LARGEST
        self._more = True
        self._is_too_large = any(
            name == b"content-length" and (not value.isdigit() or int(value) > LARGEST)
            for name, value in scope["headers"]
        )

    async def __call__(self) -> Message:
        if not self._more:
            return await self._receive()
        if self._is_too_large:
            raise _too_large()
        try:
            async with asyncio.timeout(self._deadline - monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                408,
                f"The request did not arrive within {SLOWEST_S:.0f} s",
                "Send it at once",
                headers={"connection": "close"},
            ) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._more = message.get("more_body", False)
            if self._left < 0:
                raise _too_large()
        return message


def _too_large() -> Refusal:
    return Refusal(
        413, f"The request is larger than {LARGEST // 1024 // 1024} MiB", "Send less", headers={"connection": "close"}
    )


async def read(request: Request, kind: type[Body]) -> Body:
    """The body as an object of a kind; an empty one has no members.

    Raises:
        Refusal: it is not JSON (400), or members of it are wrong (422), each named with what is wrong with it.
    """
    data = await request.body()
    try:
        return kind.model_validate_json(data or b"{}")
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        if wrong[0]["type"] == "json_invalid":
            raise Refusal(400, "The body is not JSON", "Send a JSON object") from None
        problems = {".".join(map(str, each["loc"])) or "body": each["msg"] for each in wrong}
        told = "; ".join(f"{name}: {said}" for name, said in problems.items())
        raise Refusal(422, told, "See /openapi.json for what may be sent", problems=problems) from None
