"""Anthropic's API: messages of whatever model, and how many tokens one has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.faces.http.answering import Answering, asked_by, body_of
from beastmode.faces.http.dialects import ANTHROPIC
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.served import usable
from beastmode.faces.http.streaming import while_connected
from beastmode.wire import anthropic_ingress
from beastmode.wire.anthropic_ingress import AnthropicEncoder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.domain.model import ModelSpec
    from beastmode.faces.http.gateway import Gateway

COUNTED_BY = "x-beastmode-counted-by"
"""Who counted the tokens: `endpoint` (exactly) or `estimate` (by the length of the text)."""
ANY = {"type": "object"}
"""Bodies are checked field by field in wire/; Anthropic's own documents describe them."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """The paths of the API; its list of models is at OpenAI's path."""

    async def messages(request: Request) -> Response:
        asked, streams = anthropic_ingress.parse(await body_of(request))
        encoder = AnthropicEncoder() if streams else None
        whole = anthropic_ingress.encode_whole
        return Answering(gateway, asked_by(request, asked), ANTHROPIC, encoder=encoder, whole=whole)

    async def count_tokens(request: Request) -> Response:
        asked, _ = anthropic_ingress.parse(await body_of(request))
        counted = await while_connected(request, gateway.app.counter.count(asked_by(request, asked)))
        by = "estimate" if counted.estimated else "endpoint"
        return Json({"input_tokens": counted.tokens}, headers={COUNTED_BY: by, "x-beastmode-model": counted.model})

    def described(summary: str, *, streams: bool = False) -> Described:
        return Described(summary, answer=ANY, streams=streams, tag="anthropic", errors=(400, 404, 502, 503, 504))

    return [
        Operation("POST", "/v1/messages", messages, described("Messages, as Anthropic has them", streams=True)),
        Operation("POST", "/v1/messages/count_tokens", count_tokens, described("How many tokens a prompt has")),
    ]


def models(gateway: Gateway, request: Request) -> Response:
    """The list of models, as this API has it."""
    data = [_listed(*each) for each in usable(gateway, request)]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"], "has_more": False}
    return Json({"data": data, **ends})


def _listed(model_id: str, model: ModelSpec | None) -> dict[str, Any]:
    name = "The selected model" if model is None else model.name
    return {"type": "model", "id": model_id, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
