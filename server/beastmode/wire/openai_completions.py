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
from beastmode.wire.openai_chat import ending_events, first_choice
from beastmode.wire.shapes import looks_like, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.domain.model import FimTemplate, ModelSpec
    from beastmode.domain.request import FimRequest, Request
    from beastmode.domain.response import StreamEvent
    from beastmode.wire.base import Decoder


class OpenAICompletions:
    """The format `openai-completions`: takes a `FimRequest`."""

    name = "openai-completions"

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        request = fim_request(request, self.name)
        prefix, _ = hold_back_blank(request.prefix)
        template = model.fim_template
        body: dict[str, Any] = {
            "model": model.upstream_id,
            "prompt": prefix if template is None else prompt(template, prefix, request.suffix),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if template is None and request.suffix:
            # vLLM refuses the field, so it only goes out where it says something.
            body["suffix"] = request.suffix
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


def prompt(template: FimTemplate, prefix: str, suffix: str) -> str:
    """The plain text before the hole where that is enough, else both sides in the model's template.

    Small models do better with the plain text at the end of a block, and the suffix, which stands after the edit, has
    to be read anew at every keystroke. Where the line or the block goes on, only the template knows where to stop.
    """
    return template.render(prefix, suffix) if goes_on(prefix, suffix) else prefix


def goes_on(prefix: str, suffix: str) -> bool:
    """Whether text follows that the hole must fit: on its line, or on the next at the same depth or deeper."""
    line_after, _, below = suffix.partition("\n")
    if line_after.strip():
        return True
    next_line = below.partition("\n")[0]
    line_before = prefix[prefix.rfind("\n") + 1 :]
    return bool(next_line.strip()) and _depth(next_line) >= _depth(line_before)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def hold_back_blank(prefix: str) -> tuple[str, str]:
    """The prefix without its last blank, and that blank ("" where there is none).

    Tokens mostly begin with their blank, so a prompt that ends in one asks for a word that cannot come. Exactly one:
    without its other blanks the model loses the indentation.
    """
    return (prefix[:-1], prefix[-1]) if prefix.endswith((" ", "\t")) else (prefix, "")


def stops(request: FimRequest, template: FimTemplate | None) -> list[str]:
    """Where the model shall stop: what the caller says, and the template's own tokens."""
    return list(dict.fromkeys((*request.stop, *(template.stop if template else ()))))
