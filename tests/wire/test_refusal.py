"""What a status means."""

from __future__ import annotations

import json

import pytest

from beastmode.domain.errors import (
    AttemptFailed,
    ContentFiltered,
    ContextOverflow,
    Disposition,
    EndpointNotFound,
    InvalidFormat,
    RateLimited,
    Rejected,
    ServerFailed,
    Unauthorized,
)
from beastmode.wire.refusal import refusal, retry_after

ORIGIN = "https://models.example:443"


def refused(status: int, body: object = b"", **headers: str) -> AttemptFailed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, ORIGIN, now=1_000_000.0
    )


@pytest.mark.parametrize(
    ("status", "kind", "disposition"),
    [
        (400, Rejected, Disposition.GIVE_UP),
        (401, Unauthorized, Disposition.NEXT),
        (402, Unauthorized, Disposition.NEXT),
        (403, Unauthorized, Disposition.NEXT),
        (404, EndpointNotFound, Disposition.NEXT),
        (405, EndpointNotFound, Disposition.NEXT),
        (408, ServerFailed, Disposition.RETRY),
        (413, ContextOverflow, Disposition.LARGER),
        (422, Rejected, Disposition.GIVE_UP),
        (429, RateLimited, Disposition.RETRY),
        (500, ServerFailed, Disposition.RETRY),
        (503, ServerFailed, Disposition.RETRY),
        (529, ServerFailed, Disposition.RETRY),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[Rejected], disposition: Disposition) -> None:
    """The most specific error, naming who answered and the status, with something to do about it."""
    error = refused(status)
    assert type(error) is kind
    assert isinstance(error, Rejected)
    assert (error.status, error.disposition) == (status, disposition)
    assert error.message == f"{ORIGIN} answered {status}"
    assert error.fix


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no such model", "code": "x"}}, ": no such model"),
        ({"error": "no such model"}, ": no such model"),
        ({"message": "no such model"}, ": no such model"),
        ({"detail": [{"loc": ["body"], "msg": "bad", "input": "THE PROMPT"}]}, ": bad"),
        (b"plain words\r\n", ": plain words"),
        (b"<html>secret page</html>", ""),
        (b"\xff\x00", ": \ufffd"),
        ({"unknown": "shape"}, ""),
        (b"[" * 100_000, ": " + "[" * 199 + "…"),
        (b"x" * 100_000, ": " + "x" * 199 + "…"),
    ],
)
def test_the_endpoints_own_words_are_quoted_shortly(body: object, said: str) -> None:
    """At most 200 printable characters, whatever the shape of the body; a page says nothing."""
    assert refused(400, body).message == f"{ORIGIN} answered 400{said}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:50 GMT"}, 10.0),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:30 GMT"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"x-ms-retry-after-ms": "20"}, 0.02),
        ({"retry-after": "9" * 400}, 86_400.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "\u0663"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_spellings(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, a date, or milliseconds, which are the most exact; nonsense is no wait."""
    assert retry_after(headers, now=1_000_000.0) == seconds


def test_a_wait_travels_with_the_error() -> None:
    """The router learns how long to leave the endpoint alone."""
    assert refused(429, retry_after="7").retry_after == 7.0
    assert refused(503, retry_after="7").retry_after == 7.0


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://evil.example/steal?token=t0k3n", "https://evil.example:443"),
        ("//evil.example/x", "https://evil.example:443"),
        ("/login?next=t0k3n", f"another path of {ORIGIN}"),
        ("http://[", "nowhere"),
    ],
)
def test_a_redirect_is_refused_by_its_origin_only(location: str, target: str) -> None:
    """The error names where it leads, and nothing of the rest, which can hold a token."""
    error = refused(307, location=location)
    assert isinstance(error, InvalidFormat)
    assert f"a redirect to {target})" in error.message
    assert "t0k3n" not in str(error)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "too many", "type": "invalid_request_error", "code": "context_length_exceeded"}),
        (400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
        (400, {"code": 400, "message": "request (9000 tokens) exceeds the available context size (8192 tokens)"}),
        (400, {"code": 400, "message": "too large", "type": "exceed_context_size_error", "n_ctx": 8192}),
        (500, {"code": 500, "message": "the request exceeds the available context size. try increasing it"}),
        (400, {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}),
        (400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
        (400, "The decoder prompt (length 9000) is longer than the maximum model length of 8192"),
        (400, "the input length exceeds the context length"),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
        (400, "This model's maximum prompt length is 131072 but the request contains 140000 tokens."),
        (400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
        (400, "Trying to keep the first 9000 tokens when context the overflows."),
        (413, {"type": "request_too_large", "message": "Request exceeds the maximum size"}),
    ],
)
def test_a_request_that_is_too_long_is_known_as_such(status: int, error: object) -> None:
    """Each server says it in its own words; the router then looks for a larger window."""
    refusal_ = refused(status, {"error": error})
    assert type(refusal_) is ContextOverflow
    assert (refusal_.status, refusal_.disposition) == (status, Disposition.LARGER)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "content_policy_violation", "message": "no"}),
        (
            400,
            {
                "code": "content_filter",
                "message": "The response was filtered due to the prompt triggering Azure "
                "OpenAI's content management policy.",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            },
        ),
        (400, {"message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        (400, {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}),
        (400, {"message": "Content Exists Risk", "type": "invalid_request_error"}),
        (403, {"code": 403, "message": 'm requires moderation. Your input was flagged for "violence"'}),
    ],
)
def test_a_forbidden_request_is_known_as_such(status: int, error: object) -> None:
    """It is passed on to the user, and no other model is asked the same."""
    refusal_ = refused(status, {"error": error})
    assert type(refusal_) is ContentFiltered
    assert refusal_.disposition == Disposition.GIVE_UP


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "max_tokens is too large: 9000", Rejected),
        (400, "messages: text is too long", Rejected),
        (400, "Unknown field `context`", Rejected),
        (400, "Invalid policy name", Rejected),
        (403, "Your key may not use this model", Unauthorized),
        (429, "Request too large: tokens per minute; maximum context length", RateLimited),
        (500, "filter graph failed", ServerFailed),
    ],
)
def test_in_doubt_it_is_an_ordinary_refusal(status: int, message: str, kind: type[Rejected]) -> None:
    """Words that only sound like it change nothing; a rate limit stays one, whatever it says."""
    assert type(refused(status, {"error": {"message": message, "type": "invalid_request_error"}})) is kind
