"""Mistral's way to fill a hole: POST …/v1/fim/completions with both sides; the model's tokens are the server's affair.

Protocol: https://docs.mistral.ai/api/#tag/fim. The answer has the shape of a chat. Unknown fields are refused there,
so nothing is sent that the protocol does not name; usage comes unasked. Other files have no field there either: they
stand before the file as comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.wire.base import HttpCall, endpoint, fim_request, to_json
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.filters import HeldBlank
from beastmode.wire.fim_prompt import after, before, hold_back_blank, stops
from beastmode.wire.openai_chat import parse, parse_whole

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.wire.base import Decoder


class MistralFim:
    """The format `mistral-fim`: takes a `FimRequest`."""

    name = "mistral-fim"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = fim_request(request, self.name)
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "prompt": before(request),
            "suffix": after(request),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
        }
        if stop := stops(request, model.fim_template):
            body["stop"] = stop
        return HttpCall(endpoint(model.endpoint_url, "/fim/completions"), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        _, blank = hold_back_blank(fim_request(request, self.name).prefix)
        return JsonDecoder(parse, (HeldBlank(blank),), content_type, whole=parse_whole)
