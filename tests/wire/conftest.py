"""What the tests of the wire formats share: a model, requests, and reading bytes through a decoder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pytest

from beastmode.domain.errors import AttemptFailed, BeastModeError
from beastmode.domain.model import FimTemplate, ModelSpec
from beastmode.domain.request import ChatRequest, FimRequest, Message, Request
from beastmode.wire import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable

FIMS = {"openai-completions", "llama-infill", "mistral-fim", "ollama-generate", "chat-infill"}
CHATS = set(FORMATS) - FIMS

QWEN = FimTemplate("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", ("<|endoftext|>", "<|fim_pad|>"))


def make_model(
    url: str = "http://127.0.0.1:8080/v1",
    template: FimTemplate | None = None,
    chat: str | None = "openai-chat",
    *,
    prefill: bool | None = None,
) -> ModelSpec:
    provider, fim = "openai-compatible", "openai-completions"
    return ModelSpec("custom:m", "M", provider, url, "m", chat, fim, template, prefill=prefill)


@dataclass(frozen=True, slots=True)
class Read:
    """What came of some bytes: events, and the error that ended them."""

    events: list[dict[str, Any]]
    error: str | None

    @classmethod
    def of(cls, format_name: str, request: Request, chunks: Iterable[bytes], chat: str = "openai-chat") -> Read:
        decoder = FORMATS[format_name].decoder(request, make_model(chat=chat), "")
        events: list[dict[str, Any]] = []
        error: BeastModeError | None = None
        try:
            for chunk in chunks:
                events += map(plain, decoder.feed(chunk))
            events += map(plain, decoder.close())
        except AttemptFailed as failure:
            error = failure
        return cls(events, f"{type(error).__name__}: {error.message}" if error else None)


def plain(event: Any) -> dict[str, Any]:
    """An event as JSON would have it."""
    fields = asdict(event)
    if "usage" in fields:
        fields["usage"] = {name: number for name, number in fields["usage"].items() if number is not None}
    return {"event": type(event).__name__, **fields}


def make_request(format_name: str, fields: dict[str, Any]) -> Request:
    if format_name in CHATS:
        begun = (Message("assistant", fields["begun"]),) if "begun" in fields else ()
        return ChatRequest((Message("user", "hi"), *begun), stop=tuple(fields.get("stop", ())))
    return FimRequest(
        fields.get("prefix", ""),
        fields.get("suffix", ""),
        language=fields.get("language", ""),
        stop=tuple(fields.get("stop", ())),
    )


@pytest.fixture
def model() -> ModelSpec:
    return make_model()
