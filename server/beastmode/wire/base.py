"""What every wire format is: a translator from a request to bytes, and from bytes to events. It does no I/O.

The interfaces and the few rules that all formats share stand here; reading an answer is in decoding.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from beastmode.domain.request import ChatRequest, EmbedRequest, FimRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent

# Longest first, because `/completions` also ends `/chat/completions`.
FULL_PATHS = (
    "/chat/completions",
    "/fim/completions",
    "/completions",
    "/completion",
    "/responses",
    "/embeddings",
    "/messages",
    "/infill",
    "/api/generate",
    "/api/chat",
)

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # `json.dumps` makes one for each call


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One POST. It never carries a key; transport.py adds that, and content-type and accept.

    `streams`: the answer was asked for in pieces; else nothing may come of it before it is whole.
    """

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    streams: bool = True


class Decoder(Protocol):
    """Reads one answer. Once it has produced `Finished` it needs no more bytes: `[DONE]` may never come."""

    def feed(self, chunk: bytes) -> Sequence[StreamEvent]:
        """The events that these bytes complete, in the order of the wire.

        Raises:
            InvalidFormat: the answer is in another format; the error names which.
            StreamFailed: the endpoint reported an error inside its answer.
        """
        ...

    def close(self) -> Sequence[StreamEvent]:
        """The events that the end of the body completes.

        Raises:
            StreamCut: the answer never said why it finished.
            InvalidFormat, StreamFailed: as in `feed`.
        """
        ...


class WireFormat(Protocol):
    """A dialect that endpoints speak: one file of this package."""

    @property
    def name(self) -> str:
        """What a provider's row calls it."""
        ...

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """The call that asks this model this question, answered as a stream.

        Raises:
            TypeError: the format does not take this kind of request.
        """
        ...

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:
        """A fresh reader for the answer to that call, streamed or in one piece."""
        ...


def chat_request(request: Request, format_name: str) -> ChatRequest:
    """The request, as the kind this format takes.

    Raises:
        TypeError: it is of another kind.
    """
    if not isinstance(request, ChatRequest):
        raise TypeError(f"{format_name} takes a ChatRequest, not a {type(request).__name__}")
    return request


def fim_request(request: Request, format_name: str) -> FimRequest:
    """The request, as the kind this format takes.

    Raises:
        TypeError: it is of another kind.
    """
    if not isinstance(request, FimRequest):
        raise TypeError(f"{format_name} takes a FimRequest, not a {type(request).__name__}")
    return request


def embed_request(request: Request, format_name: str) -> EmbedRequest:
    """The request, as the kind this format takes.

    Raises:
        TypeError: it is of another kind.
    """
    if not isinstance(request, EmbedRequest):
        raise TypeError(f"{format_name} takes an EmbedRequest, not a {type(request).__name__}")
    return request


def endpoint(url: str, path: str, version: str = "/v1") -> str:
    """Where to send a call: `url` may be a base or any full path of the same server, and both lead to `path`.

    A bare host gets the version put in; a format that lives outside of it (`version=""`) has it taken off.
    """
    parts = urlsplit(url)
    base = parts.path.rstrip("/")
    base = next((base.removesuffix(known) for known in FULL_PATHS if base.endswith(known)), base)
    base = (base or version) if version else base.removesuffix("/v1")
    return urlunsplit(parts._replace(path=base + path))


def to_json(value: Mapping[str, Any]) -> bytes:
    """Compact UTF-8; half a surrogate pair, which editors can send and servers refuse, becomes a question mark."""
    return _ENCODER.encode(value).encode("utf-8", "replace")
