"""OpenAI embeddings: POST …/embeddings, texts to vectors; what every server that has them speaks.

Protocol: https://platform.openai.com/docs/api-reference/embeddings. The vectors are passed on as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import Finished, FinishReason, UsageReport, Vectors
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, embed_request, endpoint, to_json
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.shapes import count, looks_like, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.wire.base import Decoder


class OpenAIEmbeddings:
    """The format `openai-embeddings`: takes an `EmbedRequest`."""

    name = "openai-embeddings"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = embed_request(request, self.name)
        body: dict[str, Any] = {"model": model.upstream_id, "input": list(request.texts)}
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        if request.encoding:
            body["encoding_format"] = request.encoding
        return HttpCall(endpoint(model.endpoint_url, "/embeddings"), to_json(body), streams=False)

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        expected = len(embed_request(request, self.name).texts)

        def parse(payload: dict[str, Any]) -> Iterator[StreamEvent]:
            data = payload.get("data")
            if not isinstance(data, list):
                raise InvalidFormat(looks_like(payload))
            if len(data) != expected or not all(mapping(one).get("embedding") for one in data):
                raise InvalidFormat(f"{len(data)} vectors for {expected} texts")
            yield Vectors(data)
            yield UsageReport(Usage(count(mapping(payload.get("usage")).get("prompt_tokens")), 0))
            yield Finished(FinishReason.STOP)

        return JsonDecoder(parse, (), content_type)
