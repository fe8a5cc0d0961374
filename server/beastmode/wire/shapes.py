"""Reading JSON that nobody has checked, and naming what it looks like when it is not what was asked for."""

from __future__ import annotations

import json
from typing import Any

from beastmode.domain.errors import InvalidFormat, StreamFailed
from beastmode.domain.response import FinishReason

BROKEN_JSON = "broken JSON"
HTML_PAGE = "an HTML page"
OLLAMA = "an Ollama answer"
UNKNOWN = "JSON of an unknown shape"

LONGEST_QUOTE = 200
LARGEST_COUNT = 10**12

_ANTHROPIC_TYPES = frozenset(
    ("message", "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta")
)
_FINISH_REASONS = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
}
_FAILURES = frozenset(("error", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"))


def loads(data: bytes) -> Any:
    """JSON in UTF-8.

    Raises:
        InvalidFormat: it is not, or nests deeper than any answer does.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidFormat(BROKEN_JSON) from None


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


def failure(error: Any) -> StreamFailed:
    """The error that an endpoint reports inside an answer with status 200."""
    return StreamFailed(
        f"The endpoint reported an error in its answer: {error_text(error) or 'without a message'}",
        "See the endpoint's own log",
    )


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
    """Foreign text, made fit to stand in an error of ours."""
    printable = "".join(c if c.isprintable() else " " for c in said[: 4 * LONGEST_QUOTE])
    short = " ".join(printable.split())
    return short if len(short) <= LONGEST_QUOTE else f"{short[: LONGEST_QUOTE - 1]}…"


def looks_like(value: Any) -> str:
    """The name of the format that a JSON value seems to be of, as a noun with its article."""
    shape = mapping(value)
    choice, kind = first(shape.get("choices")), str(shape.get("type"))
    signs = (
        ("an Anthropic message", kind in _ANTHROPIC_TYPES),
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
