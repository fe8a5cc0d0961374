"""Errors as problem details (RFC 9457), which also carry the specification's texts."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from beastmode.domain import errors
from beastmode.domain.errors import AttemptFailed, InvalidModel, Rejected, UserError
from beastmode.faces.http.json_answer import Json
from beastmode.store import StoreError
from beastmode.tasks.edits import CannotApply, CannotWrite, PathRefused, StaleFile
from beastmode.tasks.proposal import AnswerCut, CheckFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.domain.errors import BeastModeError


MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[BeastModeError], int] = {
    errors.ModelNotFound: 404,
    errors.InvalidModel: 422,
    errors.BudgetSpent: 402,
    errors.NotAllowed: 403,
    errors.UserError: 400,
    StoreError: 503,
    errors.KeyUnreadable: 500,
    errors.ModelUnavailable: 503,
    errors.Resting: 503,
    errors.TimedOut: 504,
    errors.RateLimited: 429,
    errors.ContextOverflow: 400,
    errors.ContentFiltered: 400,
    errors.AttemptFailed: 502,
    # What a model wrote cannot be used, which is an upstream's failure too.
    PathRefused: 422,
    CannotApply: 502,
    CheckFailed: 502,
    AnswerCut: 502,
    StaleFile: 409,
    CannotWrite: 503,
    errors.BeastModeError: 500,
}
"""What a client is told of an error; of a family, by its nearest member. Upstream's own 401 is not the client's."""

BAD_REQUESTS = frozenset((400, 413, 422))
"""With which an endpoint says that the request itself is at fault, so that the client is told the same."""


class Refusal(UserError):
    """A request that the gateway itself refuses.

    Args:
        status: of HTTP.
        message, fix: as of every error.
        headers: that the answer needs.
        problems: what is wrong with each field of the body, where that is it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        fix: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, fix)
        self.status = status
        self.headers = dict(headers or {})
        self.problems = dict(problems or {})


def status_of(error: BeastModeError) -> int:
    """The status that says what kind of error it is."""
    if isinstance(error, Refusal):
        return error.status
    if type(error) is Rejected and error.status in BAD_REQUESTS:
        return HTTPStatus.BAD_REQUEST
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: BeastModeError) -> dict[str, str]:
    """The headers that belong to an error: when to ask again, how to sign in."""
    if isinstance(error, Refusal):
        return error.headers
    if isinstance(error, AttemptFailed) and error.retry_after is not None:
        return {"retry-after": str(max(1, round(error.retry_after)))}
    return {}


def details(error: BeastModeError) -> dict[str, Any]:
    """The members of the problem. `error` and `success` are what the specification's clients look at."""
    status = status_of(error)
    kind = "refused" if isinstance(error, Refusal) else error.kind
    said: dict[str, Any] = {
        "type": f"urn:beastmode:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "fix": error.fix,
        "success": False,
        "error": error.message,
    }
    if isinstance(error, InvalidModel | Refusal) and error.problems:
        said["errors"] = error.problems
    return said


def problem(error: BeastModeError) -> Json:
    """The answer that tells an error."""
    return Json(details(error), status_code=status_of(error), headers=headers_of(error), media_type=MEDIA_TYPE)
