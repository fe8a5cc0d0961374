"""Reading JSON that nobody has checked, and naming what it looks like when it is not what was asked for.

Also what the error objects of all the servers have in common: their words, and the two complaints that are about the
request itself (it is too long, or may not be answered), which no status tells apart from other ones.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import ContentFiltered, ContextOverflow, InvalidFormat, StreamFailed
from beastmode.domain.response import FinishReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.domain.errors import AttemptFailed

BROKEN_JSON = "broken JSON"
HTML_PAGE = "an HTML page"
ANTHROPIC = "an Anthropic message"
OLLAMA = "an Ollama answer"
UNKNOWN = "JSON of an unknown shape"

LONGEST_QUOTE = 200
LARGEST_COUNT = 10**12
DEEPEST_ERROR = 3

_ANTHROPIC_TYPES = frozenset(
    (
        "message",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
    )
)
_FINISH_REASONS = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}
_DECODER = json.JSONDecoder()
_OVERFLOW_CODES = frozenset(
    ("context_length_exceeded", "exceed_context_size_error", "model_max_prompt_tokens_exceeded")
)
_OVERFLOW_WORDS = re.compile(
    r"(maximum|max) (model|context|prompt) len"  # OpenAI, vLLM, Mistral, DeepSeek, OpenRouter, xAI
    r"|prompt is too long|exceeds? (the )?context limit"  # Anthropic
    r"|exceeds? the (available|model'?s?) context"  # llama.cpp, Ollama
    r"|longer than the context|exceeds? (the )?(maximum )?context (length|window|size)"  # Ollama, LM Studio
    r"|context the overflows|context overflow"  # LM Studio
    r"|input token count.{0,40}exceeds the maximum"  # Gemini
    r"|`inputs` (tokens \+|must have less than)|input is too long for requested model",  # TGI, Together; Bedrock
    re.IGNORECASE,
)
_FILTER_CODES = frozenset(
    ("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed")
)
_FILTER_WORDS = re.compile(
    r"content (filtering|management) policy"  # Anthropic; Azure
    r"|content exists risk|input was flagged|flagged as potentially violating",  # DeepSeek; OpenRouter; OpenAI
    re.IGNORECASE,
)
_FAILURES = frozenset(("error", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"))


def loads(data: bytes) -> Any:
    """JSON in UTF-8.

    Raises:
        InvalidFormat: it is not, or nests deeper than any answer does.
    """
    try:
        said = data.decode("utf-8").strip()
        # What `json.loads` does, without its search for blanks on both sides: a quarter of the time for a small object.
        value, end = _DECODER.raw_decode(said)
    except (ValueError, RecursionError):
        raise InvalidFormat(BROKEN_JSON) from None
    if end != len(said):
        raise InvalidFormat(BROKEN_JSON)
    return value


def mapping(value: Any) -> dict[str, Any]:
    """The object where it is one, else an empty one: most parts of an answer are optional."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """A string, or "" for none.

    Raises:
        InvalidFormat: something else stands where text belongs.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidFormat(UNKNOWN)
    return value


def arguments_object(arguments: str) -> dict[str, Any]:
    """A tool call's arguments as the object that they spell; {} where they spell none, as a cut answer leaves them."""
    try:
        return mapping(json.loads(arguments))
    except (ValueError, RecursionError):
        return {}


def count(value: Any) -> int | None:
    """A number of tokens, None where it is not a sensible one."""
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None


def finish_reason(value: Any) -> FinishReason | None:
    """Why the model stopped; None where it goes on. An unknown reason is still a reason.

    Raises:
        StreamFailed: the reason says that the answer is not complete.
    """
    if value is None or value == "":
        return None
    reason = text(value).lower()
    if reason in _FAILURES:
        raise StreamFailed(f"The endpoint broke its answer off ({reason})", "Try again; see the endpoint's own log")
    return _FINISH_REASONS.get(reason, FinishReason.STOP)


def failure(error: Any) -> AttemptFailed:
    """The error that an endpoint reports inside an answer with status 200."""
    message = f"The endpoint reported an error in its answer: {error_text(error) or 'without a message'}"
    if (complaint := complaint_of(error)) is not None:
        kind, fix = complaint
        return kind(message, fix, status=200)
    return StreamFailed(message, "See the endpoint's own log")


def complaint_of(error: Any) -> tuple[type[ContextOverflow | ContentFiltered], str] | None:
    """Whether an error is about the request itself, and what to do then: it is too long, or may not be answered.

    Told by codes, and by the words of known servers; in doubt it is neither.
    """
    codes, words = frozenset(_codes(error)), error_text(error)
    if codes & _OVERFLOW_CODES or _OVERFLOW_WORDS.search(words):
        return ContextOverflow, "Select a model with a larger context window, or send less"
    if codes & _FILTER_CODES or _FILTER_WORDS.search(words):
        return ContentFiltered, "The provider's rules forbid it; change the request"
    return None


def _codes(error: Any, depth: int = 0) -> Iterator[str]:
    """The codes and types in an error object and the objects in it."""
    if not isinstance(error, dict) or depth > DEEPEST_ERROR:
        return
    for key in ("code", "type", "status"):
        if isinstance(code := error.get(key), str):
            yield code.lower()
    for key in ("error", "innererror", "inner_error"):
        yield from _codes(error.get(key), depth + 1)


def error_text(error: Any) -> str:
    """What an error object says, in at most 200 printable characters: never the request that some quote in it."""
    if isinstance(error, list):
        # FastAPI lists its complaints as {"loc": …, "msg": …, "input": <the request>}.
        return quote("; ".join(error_text(part) for part in error[:3]))
    if isinstance(error, dict):
        inner = next(
            (error[key] for key in ("error", "message", "msg", "detail", "code", "type") if error.get(key)), ""
        )
        return error_text(inner) if isinstance(inner, dict | list) else quote(str(inner))
    return quote(str(error)) if isinstance(error, str | int) else ""


def quote(said: str) -> str:
    """Foreign text, made fit to stand in an error of ours; editors make a link of `](`, and run its command."""
    said = said.replace("](", "] (")
    printable = "".join(c if c.isprintable() else " " for c in said[: 4 * LONGEST_QUOTE])
    short = " ".join(printable.split())
    return short if len(short) <= LONGEST_QUOTE else f"{short[: LONGEST_QUOTE - 1]}…"


def looks_like(value: Any) -> str:
    """The name of the format that a JSON value seems to be of, as a noun with its article."""
    shape = mapping(value)
    choice, kind = first(shape.get("choices")), str(shape.get("type"))
    signs = (
        (ANTHROPIC, kind in _ANTHROPIC_TYPES),
        ("an OpenAI chat answer", "delta" in choice or "message" in choice),
        ("an OpenAI completion", "text" in choice),
        ("an OpenAI Responses answer", kind.startswith("response.") or "output" in shape),
        (OLLAMA, "done" in shape and ("message" in shape or "response" in shape or "model" in shape)),
        ("a llama.cpp answer", "content" in shape and "stop" in shape),
        ("a Gemini answer", "candidates" in shape),
        ("a text-generation-inference answer", "generated_text" in shape or "generated_text" in first(value)),
        ("a list of models", shape.get("object") == "list"),
    )
    return next((name for name, fits in signs if fits), UNKNOWN)


def first(value: Any) -> dict[str, Any]:
    """The first object of a list, {} where there is none."""
    return mapping(value[0]) if isinstance(value, list) and value else {}
