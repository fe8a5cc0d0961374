"""Everything that can go wrong, as one tree.

BeastModeError                      message, fix, kind
├── UserError                       what was asked for cannot be
│   ├── ModelNotFound               no row with that id
│   ├── InvalidModel                a field of a registration is wrong
│   ├── InvalidSetting              a setting is wrong
│   └── NotAllowed                  the user's own policy forbids it: local-only
│       └── BudgetSpent             it could pass a spending cap
└── AttemptFailed                   one try at one endpoint failed; carries a disposition
    ├── KeyUnreadable               the stored key cannot be opened
    ├── ModelUnavailable            the built-in model is not there yet
    ├── Resting                     it failed too often lately, and is left alone for a while
    ├── Unreachable                 refused, no such host
    │   └── ConnectionLost          reset before any byte
    ├── TlsFailed                   the certificate or the handshake
    ├── TimedOut                    connect, first token, idle or total (see `phase`)
    ├── Rejected                    an HTTP status that says no (see `status`)
    │   ├── Unauthorized            401, 403
    │   ├── EndpointNotFound        404, 405
    │   ├── RateLimited             429
    │   ├── ContextOverflow         the request is longer than the model's window
    │   ├── ContentFiltered         the provider refuses to answer this
    │   └── ServerFailed            5xx, 408
    ├── InvalidFormat               the answer is not in the provider's format
    ├── StreamCut                   the answer ended without saying that it was finished
    └── StreamFailed                the endpoint reported an error in the middle of its answer

The router reads nothing of an error but its disposition. `kind` is the stable name that the ledger stores; a
message never holds a key, a prompt or an answer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Disposition(StrEnum):
    """What the router does after a failed attempt."""

    RETRY = "retry"
    """The same model may well answer a second time."""
    NEXT = "next"
    """This model will not answer now; another may."""
    LARGER = "larger window"
    """Only a model with a larger context window can answer."""
    GIVE_UP = "give up"
    """No model would do better: the request itself is at fault."""


class BeastModeError(Exception):
    """The root: a sentence for a person, and what that person can do about it.

    Args:
        message: names the thing and the reason.
        fix: what to do, as an instruction; empty where nothing can be done.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}. {self.fix}" if self.fix else self.message


class UserError(BeastModeError):
    """What was asked for cannot be done as asked."""

    kind = "user_error"


class ModelNotFound(UserError):
    """No row with that id; the specification's text."""

    kind = "model_not_found"

    def __init__(self, model_id: str) -> None:
        super().__init__(
            f"Custom model not found: {model_id.removeprefix('custom:')}",
            "Run `beastmode models list` to see the registered ids",
        )


class InvalidModel(UserError):
    """A registration with wrong fields: `problems` maps each field to what is wrong with it."""

    kind = "invalid_model"

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))
        self.problems = problems


class InvalidSetting(UserError):
    """A setting that cannot be read or makes no sense."""

    kind = "invalid_setting"


class NotAllowed(UserError):
    """The user's own policy forbids it."""

    kind = "not_allowed"


class BudgetSpent(NotAllowed):
    """It could pass a cap on what is spent in a day or a month."""

    kind = "budget_spent"


class AttemptFailed(BeastModeError):
    """One try at one endpoint failed.

    Args:
        message: names the thing and the reason.
        fix: what to do about it.
        retry_after: seconds the endpoint asked to be left alone, where it said so.
    """

    kind = "attempt_failed"
    disposition: Disposition = Disposition.NEXT

    def __init__(self, message: str, fix: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, fix)
        self.retry_after = retry_after


class KeyUnreadable(AttemptFailed):
    """The sealed key of a model cannot be opened; its bytes stay as they are."""

    kind = "key_unreadable"

    def __init__(self, model_id: str, reason: str) -> None:
        super().__init__(
            f"Failed to decrypt API key of {model_id}: {reason}",
            f"Restore ENCRYPTION_KEY or the key file it was sealed with, or run `beastmode keys set {model_id}`",
        )


class ModelUnavailable(AttemptFailed):
    """The built-in model cannot run yet: no weights, no runtime, not enough memory."""

    kind = "model_unavailable"


class Resting(AttemptFailed):
    """The model failed too often lately; it is not asked before the pause is over."""

    kind = "resting"


class Unreachable(AttemptFailed):
    """No connection: refused, or no such host."""

    kind = "unreachable"


class ConnectionLost(Unreachable):
    """The connection was reset before the first byte of an answer."""

    kind = "connection_lost"
    disposition = Disposition.RETRY


class TlsFailed(AttemptFailed):
    """The certificate or the handshake."""

    kind = "tls_failed"


class TimedOut(AttemptFailed):
    """A limit passed. `phase` is one of connect, first_token, idle, total."""

    kind = "timed_out"

    def __init__(self, phase: str, seconds: float, origin: str) -> None:
        what = {
            "connect": f"No connection to {origin}",
            "first_token": f"{origin} accepted the request but sent no text",
            "idle": f"{origin} fell silent in the middle of its answer",
            "total": f"{origin} did not finish its answer",
        }[phase]
        super().__init__(f"{what} within {seconds:g} s", "Check that the model is loaded and not busy")
        self.phase = phase


class Rejected(AttemptFailed):
    """An HTTP status that says no."""

    kind = "rejected"
    disposition = Disposition.GIVE_UP

    def __init__(self, message: str, fix: str = "", *, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, fix, retry_after=retry_after)
        self.status = status


class Unauthorized(Rejected):
    """401 or 403."""

    kind = "unauthorized"
    disposition = Disposition.NEXT


class EndpointNotFound(Rejected):
    """404 or 405: wrong path, or the endpoint does not know the model."""

    kind = "endpoint_not_found"
    disposition = Disposition.NEXT


class RateLimited(Rejected):
    """429."""

    kind = "rate_limited"
    disposition = Disposition.RETRY


class ContextOverflow(Rejected):
    """The request is longer than the model's context window."""

    kind = "context_overflow"
    disposition = Disposition.LARGER


class ContentFiltered(Rejected):
    """The provider refuses to answer this; asking another one for the same would be shopping around."""

    kind = "content_filtered"


class ServerFailed(Rejected):
    """5xx, and 408."""

    kind = "server_failed"
    disposition = Disposition.RETRY


class InvalidFormat(AttemptFailed):
    """The answer is not in the provider's format; the specification's text, and what it looked like instead."""

    kind = "invalid_format"

    def __init__(self, looks_like: str, fix: str = "Check that the provider type matches the endpoint") -> None:
        super().__init__(
            f"Custom model request failed: Invalid request format (the answer looks like {looks_like})", fix
        )
        self.looks_like = looks_like


class StreamCut(AttemptFailed):
    """The connection closed before the answer said why it was finished."""

    kind = "stream_cut"


class StreamFailed(AttemptFailed):
    """The endpoint reported an error in the middle of its answer."""

    kind = "stream_failed"


def where(error: BaseException) -> str:
    """The function and the line that an exception comes from: what a log may say of one that may quote code."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "?" if frame is None else f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}"
