"""An answer of a model in the shape of the API it was asked in: from the router's events to the client.

Nothing is sent before the model has said something, so that whatever goes wrong until then has a status of its own, and
the headers name the model that answers. What goes wrong later is told by the API's own error event, and the stream has
no end that a whole answer would have. A client that goes away stops the model.
"""

from __future__ import annotations

import json
import logging
import re
from contextlib import aclosing
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from starlette.responses import Response

from beastmode.domain.errors import BeastModeError
from beastmode.domain.request import ChatRequest, EmbedRequest, FimRequest
from beastmode.domain.response import Started
from beastmode.faces.http.auth import caller
from beastmode.faces.http.discretion import for_user
from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.streaming import ClientGone, until_gone
from beastmode.wire.base import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from beastmode.domain.response import StreamEvent
    from beastmode.faces.http.dialects import Dialect
    from beastmode.faces.http.gateway import Gateway
    from beastmode.operations.receipts import Receipt

DEFAULT = frozenset(("default", "beastmode", "beastmode:default"))
"""Names that mean: the model that is selected."""
PREFIX = "x-beastmode-"
STREAM: Mapping[str, str] = MappingProxyType(
    {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no"}
)
_CLIENT_CLOSED = 499
_NOT_FOR_HEADERS = re.compile(r"[^ -~]")

Asked = TypeVar("Asked", ChatRequest, FimRequest, EmbedRequest)

log = logging.getLogger(__name__)


class Encoder(Protocol):
    """Writes a stream; see wire/."""

    def encode_event(self, event: StreamEvent) -> bytes:
        """The bytes for an event."""
        ...

    def close(self) -> bytes:
        """The bytes after the last event."""
        ...

    def fail(self, error: BeastModeError) -> bytes:
        """The bytes instead of an end."""
        ...


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a client sent.

    Raises:
        Refusal: it is none.
    """
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "The body is no JSON object", "Send one, as the API's documentation has it")
    return body


def asked_by(request: Request, asked: Asked) -> Asked:
    """What a client asks, as the user that it is, and of the selected model where it names none or that."""
    model = None if asked.model in DEFAULT else asked.model
    return replace(asked, model=model, user=caller(request).name)


class Answering(Response):
    """Answers one request.

    Args:
        gateway: whose router is asked.
        asked: what.
        dialect: how errors are told.
        encoder: writes the stream; None where the client did not ask for one.
        whole: makes the JSON body of all events, for who did not.
    """

    def __init__(
        self,
        gateway: Gateway,
        asked: ChatRequest | FimRequest | EmbedRequest,
        dialect: Dialect,
        *,
        encoder: Encoder | None,
        whole: Callable[[Sequence[StreamEvent]], dict[str, Any]],
    ) -> None:
        super().__init__()
        self._app = gateway.app
        self._asked = asked
        self._dialect = dialect
        self._encoder = encoder
        self._whole = whole
        self._started = Started("", "")
        self._tries = 0
        self._receipt: Receipt | None = None
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and send the answer as it comes."""
        try:
            await until_gone(receive, self._answer(scope, receive, send))
        except ClientGone:
            if not self._has_begun:
                await Response(status_code=_CLIENT_CLOSED)(scope, receive, send)  # for the access log
        finally:
            self._app.receipts.close(self._started.request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._app.router.stream(self._asked, shares=False)) as events:
                if self._encoder is None:
                    await self._send_whole(events, scope, send)
                else:
                    await self._send_stream(events, self._encoder, scope, send)
        except Exception as failure:  # whatever it is, the client is told in its API's own words
            error = failure
            if not isinstance(failure, BeastModeError):
                log.exception("An answer failed")
                error = BeastModeError("The gateway failed", "See its log")
            assert isinstance(error, BeastModeError)  # noqa: S101 - for the type checker
            error = for_user(error, scope["state"]["user"], self._app.registry)
            if not self._has_begun:
                await self._dialect.refuse(error, self._facts())(scope, receive, send)
            elif self._encoder is not None:
                await _sent(send, self._encoder.fail(error), is_last=True)

    async def _send_whole(self, events: AsyncGenerator[StreamEvent], scope: Scope, send: Send) -> None:
        said: list[StreamEvent] = []
        async for event in events:
            if isinstance(event, Started):
                self._note(event, scope)
            said.append(event)
        body = to_json(self._whole(said))
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self._facts()}
        await self._begin(headers | self._cost(), send)
        await _sent(send, body, is_last=True)

    async def _send_stream(
        self, events: AsyncGenerator[StreamEvent], encoder: Encoder, scope: Scope, send: Send
    ) -> None:
        async for event in events:
            if isinstance(event, Started):
                self._note(event, scope)
            piece = encoder.encode_event(event)
            if piece:
                if not self._has_begun:
                    await self._begin({**STREAM, **self._facts()}, send)
                await _sent(send, piece)
        if not self._has_begun:
            await self._begin({**STREAM, **self._facts()}, send)
        facts = (self._facts() | self._cost()).items()
        told = json.dumps({name.removeprefix(PREFIX): value for name, value in facts})
        await _sent(send, b": beastmode %b\n\n%b" % (told.encode(), encoder.close()), is_last=True)

    def _note(self, started: Started, scope: Scope) -> None:
        """Take note of who is asked now."""
        self._started = started
        self._tries += 1
        self._receipt = self._app.receipts.open(started.request_id)
        scope["state"]["request_id"] = started.request_id

    def _facts(self) -> dict[str, str]:
        """Who answers, why, and how many times a model was asked; nothing before one was."""
        if not self._tries:
            return {}
        return {
            f"{PREFIX}model": self._started.model,
            f"{PREFIX}reason": _NOT_FOR_HEADERS.sub("?", self._started.reason),
            f"{PREFIX}attempts": str(self._tries),
            **dict.fromkeys(self._dialect.id_headers, self._started.request_id),
        }

    def _cost(self) -> dict[str, str]:
        """US dollars for all tries, where they are known; only when all are over."""
        cost = self._receipt.cost if self._receipt is not None else None
        return {} if cost is None else {f"{PREFIX}cost": f"{cost:f}"}

    async def _begin(self, headers: Mapping[str, str], send: Send) -> None:
        self._has_begun = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})


async def _sent(send: Send, piece: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
