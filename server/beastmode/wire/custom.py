"""The specification's pass-through: the plain chat request to the very URL that was registered, whatever answers there.

The request has the specification's fields and no more, as nothing is known about who reads it. The answer is taken in
any of the known shapes, streamed or whole. A whole body need not say why it ends, as the specification's examples do
not; a stream must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.response import TextDelta
from beastmode.wire import llama_infill, openai_chat, openai_completions
from beastmode.wire.anthropic_messages import BlockReader
from beastmode.wire.base import HttpCall, chat_request, to_json
from beastmode.wire.decoding import JsonDecoder, complete
from beastmode.wire.filters import Thinking
from beastmode.wire.ollama import LineReader
from beastmode.wire.shapes import ANTHROPIC, OLLAMA, first, looks_like, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent

PLAIN_TEXT = ("response", "text", "output", "content", "generated_text")
"""Fields that hold the answer as it is, in bodies of no known format."""


class Custom:
    """The format `custom`: takes a `ChatRequest`."""

    name = "custom"
    continues = False

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`. A stream is not asked for."""
        request = chat_request(request, self.name)
        body = {
            "model": model.upstream_id,
            "messages": openai_chat.messages(request.messages),
            "temperature": model.temperature if request.temperature is None else request.temperature,
            "max_tokens": model.max_tokens if request.max_tokens is None else request.max_tokens,
            **openai_chat.options(request),
        }
        return HttpCall(model.endpoint_url, to_json(body), streams=False)

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:  # noqa: ARG002  # a protocol
        """See `WireFormat.decoder`."""
        answer = AnyShape()
        return JsonDecoder(answer.piece, (Thinking(),), content_type, whole=answer.whole, by_lines=True)


class AnyShape:
    """Reads one answer by handing each of its objects to the format that it looks like."""

    def __init__(self) -> None:
        self._blocks = BlockReader()
        self._lines = LineReader()

    def piece(self, payload: dict[str, Any]) -> Iterable[StreamEvent]:
        """The events in one object."""
        if "choices" in payload:
            is_text = "text" in first(payload["choices"])
            return openai_completions.parse(payload) if is_text else openai_chat.parse(payload)
        if looks_like(payload) == OLLAMA:
            return self._lines.line(payload)
        if isinstance(payload.get("content"), list):
            return self._blocks.piece({**payload, "type": "message"})
        if isinstance(payload.get("content"), str) and "stop" in payload:
            return llama_infill.parse(payload)
        if looks_like(payload) == ANTHROPIC:
            return self._blocks.piece(payload)
        return plain_text(payload)

    def whole(self, payload: dict[str, Any]) -> Sequence[StreamEvent]:
        """The events in a JSON body; it is complete unless it says that more will come."""
        events = list(self.piece(payload))
        goes_on = payload.get("done") is False or payload.get("stop") is False
        return events if goes_on or "delta" in first(payload.get("choices")) else complete(events)


def plain_text(payload: dict[str, Any]) -> Iterator[StreamEvent]:
    """The text of a body of no known format.

    Raises:
        InvalidFormat: none of the known fields is there.
    """
    if isinstance(message := payload.get("message"), dict):
        yield from openai_chat.content_events(message.get("content"))
        return
    field = next((field for field in PLAIN_TEXT if isinstance(payload.get(field), str)), None)
    if field is None:
        raise InvalidFormat(looks_like(payload))
    if said := text(payload[field]):
        yield TextDelta(said)
