"""What an HTTP status that is not a success means: the one place that turns it into an error of ours.

Pure, and apart from the transport, so that every status can be tested without a socket.
"""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from beastmode.domain.errors import (
    ContextOverflow,
    EndpointNotFound,
    InvalidFormat,
    RateLimited,
    Rejected,
    ServerFailed,
    Unauthorized,
)
from beastmode.domain.model import origin_of
from beastmode.wire.shapes import complaint_of, error_text, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.domain.errors import AttemptFailed

_FAILED = (ServerFailed, "See the endpoint's own log")
_SAYS_NO = (Rejected, "Check the settings of the model")
_KINDS: Mapping[int, tuple[type[Rejected], str]] = MappingProxyType(
    {
        401: (Unauthorized, "Check the API key of the model"),
        402: (Unauthorized, "Check the credit of the account that the API key belongs to"),
        403: (Unauthorized, "Check the API key of the model"),
        404: (EndpointNotFound, "Check the endpoint URL and the model's name there"),
        405: (EndpointNotFound, "Check the endpoint URL and the model's name there"),
        408: _FAILED,
        413: (ContextOverflow, "Select a model with a larger context window, or send less"),
        429: (RateLimited, "Wait, or select another model"),
    }
)

_MAY_BE_THE_REQUEST = frozenset((400, 403, 413, 422, 451, 500))
"""Statuses with which servers complain about a request that is too long or against their rules."""

LONGEST_WAIT = 86_400.0
"""Seconds; whoever asks for more is not waited for anyway."""


def refusal(status: int, headers: Mapping[str, str], body: bytes, origin: str, now: float) -> AttemptFailed:
    """The error for this answer.

    Args:
        status: of the answer; not 2xx.
        headers: by lower-case name.
        body: its first bytes; what they say is quoted.
        origin: who answered.
        now: Unix time in seconds, for a `Retry-After` that is a date.
    """
    if 300 <= status < 400 and "location" in headers:  # noqa: PLR2004  # the redirects
        target = _redirect_target(headers["location"], origin)
        return InvalidFormat(f"a redirect to {target}", "Register the endpoint that it leads to, if you trust that one")
    error = _error(headers.get("content-type", ""), body)
    said = error_text(error)
    message = f"{origin} answered {status}{f': {said}' if said else ''}"
    wait = retry_after(headers, now)
    if status in _MAY_BE_THE_REQUEST and (complaint := complaint_of(error)) is not None:
        blamed, fix = complaint
        return blamed(message, fix, status=status)
    kind, fix = _KINDS.get(status) or (_FAILED if status >= 500 else _SAYS_NO)  # noqa: PLR2004  # the server's own faults
    return kind(message, fix, status=status, retry_after=wait)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: from milliseconds (OpenAI, Azure), else from seconds or a date (RFC 9110, section 10.2.3)."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        digits = value.replace(".", "", 1)
        if digits.isascii() and digits.isdigit():
            return min(float(value) * unit, LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(at - now, 0.0), LONGEST_WAIT)


def _redirect_target(location: str, origin: str) -> str:
    """Its origin and no more: the rest of a location can hold a token."""
    try:
        target = origin_of(urljoin(origin, location))
    except ValueError:
        return "nowhere"
    return f"another path of {origin}" if target == origin else quote(target)


def _error(content_type: str, body: bytes) -> object:
    """The error that the body holds: JSON, or else its text; a web page holds none."""
    text = body.decode("utf-8", "replace").strip()
    if not text or text.startswith("<") or "html" in content_type:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return quote(text)
