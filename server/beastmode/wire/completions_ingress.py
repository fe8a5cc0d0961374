"""OpenAI's legacy completions as we serve them: a prompt, or a hole with `suffix`, to ours; our events to its answer.

Protocol: https://platform.openai.com/docs/api-reference/completions. The other direction is openai_completions.py.
A prompt without `suffix` is a hole at the end of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.request import FimRequest
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.wire.base import to_json
from beastmode.wire.fields import Place
from beastmode.wire.openai_ingress import DONE, error_body, stops, usage_body
from beastmode.wire.whole import gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.response import StreamEvent

MAX_TOKENS, TEMPERATURE = 16, 1.0
"""What the API takes where a client says nothing."""
REASONS = {FinishReason.TOOL_CALLS: FinishReason.STOP}
"""The API knows no calls."""


def parse(body: dict[str, Any]) -> tuple[FimRequest, bool]:
    """The request in this body, and whether it asks for a stream.

    Raises:
        UserError: names the field that is wrong or that cannot be served, and what belongs there.
    """
    top = Place(body)
    for name in ("n", "best_of"):
        if top.at(name).value not in (None, 1):
            raise top.at(name).wrong("1", "Send the request once for each answer")
    if top.at("echo").flag():
        raise top.at("echo").wrong("false", "Put the prompt in front of the answer yourself")
    temperature = top.at("temperature").number()
    request = FimRequest(
        _prompt(top.at("prompt")),
        top.at("suffix").text(),
        model=top.at("model").text() or None,
        max_tokens=top.at("max_tokens").count() or MAX_TOKENS,
        temperature=TEMPERATURE if temperature is None else temperature,
        stop=stops(top.at("stop")),
    )
    return request, top.at("stream").flag()


def _prompt(place: Place) -> str:
    if not isinstance(place.value, list):
        return place.text()
    prompts = place.items()
    if len(prompts) != 1:
        raise place.wrong("one prompt", "Send the request once for each prompt")
    if not isinstance(prompts[0].value, str):
        raise place.wrong("text", "Tokens of one model mean nothing to another")
    return prompts[0].text()


class CompletionsEncoder:
    """Writes one answer as a stream. An answer that fails is never given the end that a whole one has.

    Args:
        created: Unix time in seconds.
        include_usage: whether the stream ends with its token counts.
    """

    def __init__(self, created: int, *, include_usage: bool = False) -> None:
        self._top: dict[str, Any] = {"id": "", "object": "text_completion", "created": created, "model": ""}
        self._include_usage = include_usage
        self._usage = Usage()
        self._finished = False

    def encode_event(self, event: StreamEvent) -> bytes:
        """The bytes for an event; none where the API has nothing for it."""
        match event:
            case Started(model=model, request_id=request_id):
                self._top |= {"id": f"cmpl-{request_id}", "model": model}
                self._usage = Usage()
            case TextDelta(text):
                return self._chunk(text, None)
            case UsageReport(usage):
                self._usage = self._usage.merge(usage)
            case Finished(reason):
                self._finished = True
                return self._chunk("", REASONS.get(reason, reason))
            case _:
                pass
        return b""

    def close(self) -> bytes:
        """The bytes after the last event: usage, and the end; none where the answer is not complete."""
        if not self._finished:
            return b""
        usage = usage_body(self._usage) if self._include_usage else None
        return (_data({**self._top, "choices": [], "usage": usage}) if usage else b"") + DONE

    def fail(self, error: BeastModeError) -> bytes:
        """The bytes instead of an end."""
        return _data(error_body(error))

    def _chunk(self, text: str, reason: FinishReason | None) -> bytes:
        return _data({**self._top, "choices": [_choice(text, reason)]})


def encode_whole(events: Iterable[StreamEvent], created: int) -> dict[str, Any]:
    """The JSON body for the events of one answer.

    Raises:
        StreamCut: the answer is not complete.
    """
    answer = gather(events)
    usage = usage_body(answer.usage)
    return {
        "id": f"cmpl-{answer.request_id}",
        "object": "text_completion",
        "created": created,
        "model": answer.model,
        "choices": [_choice(answer.text, REASONS.get(answer.finish, answer.finish))],
        **({"usage": usage} if usage else {}),
    }


def _choice(text: str, reason: FinishReason | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}


def _data(value: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % to_json(value)
