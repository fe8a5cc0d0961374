"""OpenAI embeddings as we serve them: a client's request to ours, our events to its JSON.

Protocol: https://platform.openai.com/docs/api-reference/embeddings. The other direction is openai_embeddings.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import StreamCut
from beastmode.domain.request import EmbedRequest
from beastmode.domain.response import Started, UsageReport, Vectors
from beastmode.domain.usage import Usage
from beastmode.wire.fields import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.domain.response import StreamEvent


def parse(body: dict[str, Any]) -> EmbedRequest:
    """The request in this body.

    Raises:
        UserError: names the field that is wrong or that cannot be served, and what belongs there.
    """
    top = Place(body)
    encoding = top.at("encoding_format").text()
    if encoding not in ("", "float", "base64"):
        raise top.at("encoding_format").wrong("float or base64")
    return EmbedRequest(
        _texts(top.at("input")),
        model=top.at("model").text() or None,
        dimensions=top.at("dimensions").count(),
        encoding=encoding,
    )


def _texts(place: Place) -> tuple[str, ...]:
    if isinstance(place.value, str):
        return (place.name(),)
    texts = place.items()
    if not texts:
        raise place.wrong("a text, or at least one")
    for text in texts:
        if not isinstance(text.value, str):
            raise text.wrong("text", "Tokens of one model mean nothing to another")
    return tuple(text.name() for text in texts)


def encode_whole(events: Iterable[StreamEvent]) -> dict[str, Any]:
    """The JSON body for the events of one answer.

    Raises:
        StreamCut: there are no vectors among them.
    """
    model, usage, vectors = "", Usage(), None
    for event in events:
        match event:
            case Started():
                model = event.model
            case Vectors(data):
                vectors = data
            case UsageReport(counts):
                usage = usage.merge(counts)
            case _:
                pass
    if vectors is None:
        raise StreamCut("The answer ended without any vectors")
    count = usage.input_tokens or 0
    return {
        "object": "list",
        "data": vectors,
        "model": model,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }
