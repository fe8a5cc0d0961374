"""OpenAI completions with a hole: POST …/completions, one prompt string, where the model has a template for holes.

Protocol: https://platform.openai.com/docs/api-reference/completions. Without a template the hole's far side goes into
`suffix`, which Ollama, DeepSeek and others honour; llama.cpp ignores it silently, hence templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import TextDelta
from beastmode.wire.base import HttpCall, endpoint, fim_request, to_json
from beastmode.wire.decoding import JsonDecoder
from beastmode.wire.filters import HeldBlank
from beastmode.wire.fim_prompt import after, before, hold_back_blank, prompt, stops
from beastmode.wire.openai_chat import ending_events, first_choice
from beastmode.wire.shapes import looks_like, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.wire.base import Decoder


class OpenAICompletions:
    """The format `openai-completions`: takes a `FimRequest`."""

    name = "openai-completions"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = fim_request(request, self.name)
        template = model.fim_template
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "prompt": before(request) if template is None else prompt(request, template),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if template is None and request.suffix:
            # vLLM refuses the field, so it only goes out where it says something.
            body["suffix"] = after(request)
        if stop := stops(request, template):
            body["stop"] = stop
        return HttpCall(endpoint(model.endpoint_url, "/completions"), to_json(body))

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        _, blank = hold_back_blank(fim_request(request, self.name).prefix)
        return JsonDecoder(parse, (HeldBlank(blank),), content_type)


def parse(payload: dict[str, Any]) -> Iterator[StreamEvent]:
    """The events in one chunk of a stream or one whole answer: they have the same shape."""
    choice = first_choice(payload)
    if choice and "text" not in choice:
        raise InvalidFormat(looks_like(payload))
    if said := text(choice.get("text")):
        yield TextDelta(said)
    yield from ending_events(payload, choice)
