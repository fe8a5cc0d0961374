"""The OpenAI API: chat, responses, legacy completions and embeddings of whatever model, and the list of models."""

from __future__ import annotations

from functools import partial
from time import time
from typing import TYPE_CHECKING, Any

from beastmode.faces.http import anthropic_api
from beastmode.faces.http.answering import Answering, asked_by, body_of
from beastmode.faces.http.dialects import OPENAI
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.served import find, usable
from beastmode.wire import completions_ingress, embeddings_ingress, openai_ingress, responses_answer, responses_ingress
from beastmode.wire.completions_ingress import CompletionsEncoder
from beastmode.wire.openai_ingress import OpenAIEncoder
from beastmode.wire.responses_answer import ResponsesEncoder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.domain.model import ModelSpec
    from beastmode.faces.http.gateway import Gateway

ANY = {"type": "object"}
"""Bodies are checked field by field in wire/; OpenAI's own documents describe them."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """The paths of the API."""

    async def chat(request: Request) -> Response:
        body = await body_of(request)
        asked, streams = openai_ingress.parse(body)
        now, usage = int(time()), openai_ingress.wants_usage(body)
        encoder = OpenAIEncoder(now, include_usage=usage) if streams else None
        whole = partial(openai_ingress.encode_whole, created=now)
        return Answering(gateway, asked_by(request, asked), OPENAI, encoder=encoder, whole=whole)

    async def completions(request: Request) -> Response:
        body = await body_of(request)
        asked, streams = completions_ingress.parse(body)
        now, usage = int(time()), openai_ingress.wants_usage(body)
        encoder = CompletionsEncoder(now, include_usage=usage) if streams else None
        whole = partial(completions_ingress.encode_whole, created=now)
        return Answering(gateway, asked_by(request, asked), OPENAI, encoder=encoder, whole=whole)

    async def responses(request: Request) -> Response:
        asked, streams = responses_ingress.parse(await body_of(request))
        now = int(time())
        encoder = ResponsesEncoder(now) if streams else None
        whole = partial(responses_answer.encode_whole, created=now)
        return Answering(gateway, asked_by(request, asked), OPENAI, encoder=encoder, whole=whole)

    async def embeddings(request: Request) -> Response:
        asked = embeddings_ingress.parse(await body_of(request))
        return Answering(gateway, asked_by(request, asked), OPENAI, encoder=None, whole=embeddings_ingress.encode_whole)

    async def stored(_request: Request) -> Response:
        raise Refusal(404, "Responses are not stored here", responses_ingress.RESEND)

    async def models(request: Request) -> Response:
        if "anthropic-version" in request.headers:
            return anthropic_api.models(gateway, request)
        return Json({"object": "list", "data": [_listed(*each) for each in usable(gateway, request)]})

    async def model(request: Request) -> Response:
        found = find(gateway, request)
        return Json(_listed(request.path_params["model_id"] if found is None else found.id, found))

    def described(summary: str, *, streams: bool = True) -> Described:
        return Described(summary, answer=ANY, streams=streams, tag="openai", errors=(400, 404, 502, 503, 504))

    return [
        Operation("POST", "/v1/chat/completions", chat, described("Chat, as OpenAI has it")),
        Operation("POST", "/v1/completions", completions, described("Complete a prompt, or fill a hole")),
        Operation("POST", "/v1/responses", responses, described("Responses, without stored state")),
        Operation("GET", "/v1/responses/{response_id}", stored),
        Operation("POST", "/v1/embeddings", embeddings, described("Embeddings", streams=False)),
        Operation("GET", "/v1/models", models, described("The models that you may use", streams=False)),
        Operation("GET", "/v1/models/{model_id:path}", model, described("One of them", streams=False)),
    ]


def _listed(model_id: str, model: ModelSpec | None) -> dict[str, Any]:
    owner = "beastmode" if model is None else model.provider
    return {"id": model_id, "object": "model", "created": 0, "owned_by": owner}
