"""llama.cpp's own way to fill a hole: POST /infill, where the server knows the model's tokens and needs no template.

Protocol: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, section `POST /infill`.
Other files go into `input_extra`, in their order, and stand before the prefix. The server reads all four texts without
looking for control tokens, so nothing in them can end the hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import Finished, FinishReason, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import HttpCall, endpoint, fim_request, to_json
from beastmode.wire.comments import one_line
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.filters import HeldBlank
from beastmode.wire.fim_prompt import hold_back_blank, stops
from beastmode.wire.shapes import count, looks_like, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.wire.base import Decoder


class LlamaInfill:
    """The format `llama-infill`: takes a `FimRequest`."""

    name = "llama-infill"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = fim_request(request, self.name)
        prefix, _ = hold_back_blank(request.prefix)
        body: dict[str, Any] = {
            # Only servers that hold several models read it.
            "model": model.upstream_id,
            "input_extra": [{"filename": one_line(snippet.path), "text": snippet.text} for snippet in request.snippets],
            "input_prefix": prefix,
            "input_suffix": request.suffix,
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "cache_prompt": True,
            "stream": True,
        }
        if stop := stops(request, model.fim_template):
            body["stop"] = stop
        return HttpCall(endpoint(model.endpoint_url, "/infill", version=""), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        _, blank = hold_back_blank(fim_request(request, self.name).prefix)
        return JsonDecoder(parse, (HeldBlank(blank),), content_type)


def parse(payload: dict[str, Any]) -> Iterator[StreamEvent]:
    """The events in one chunk, or in a whole answer, which is one chunk that stops."""
    if "content" not in payload or "choices" in payload or "type" in payload:
        raise InvalidFormat(looks_like(payload))
    if said := text(payload["content"]):
        yield TextDelta(said)
    if payload.get("stop") is True:
        if (used := usage(payload)) != Usage():
            yield UsageReport(used)
        # Servers before 2025 said it by `stopped_limit`.
        limited = payload.get("stop_type") == "limit" or payload.get("stopped_limit") is True
        yield Finished(FinishReason.LENGTH if limited else FinishReason.STOP)


def usage(payload: dict[str, Any]) -> Usage:
    """The last chunk's counts. `tokens_evaluated` is the whole prompt; `tokens_cached` is not what its name says."""
    return Usage(
        input_tokens=count(payload.get("tokens_evaluated")),
        output_tokens=count(payload.get("tokens_predicted")),
        cache_read_tokens=count(mapping(payload.get("timings")).get("cache_n")),
    )
