"""Real-time suggestions for editors and tools that speak no LSP: code at a cursor, through the same engine."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from pydantic import Field

from beastmode.completion.engine import Engine
from beastmode.completion.gate import Allowed
from beastmode.context.syntax import language_of
from beastmode.domain.request import FimRequest
from beastmode.domain.text import Cursor
from beastmode.faces.http.auth import caller
from beastmode.faces.http.body import read
from beastmode.faces.http.code_api import ERRORS
from beastmode.faces.http.code_shapes import Body
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.shapes import Shape
from beastmode.faces.http.streaming import while_connected
from beastmode.router.plan import plan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.completion.engine import Answer
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Task
    from beastmode.domain.response import StreamEvent
    from beastmode.faces.http.gateway import Gateway
    from beastmode.registry.users import User
    from beastmode.router.router import Router

LONGEST = 500_000


class SuggestionsBody(Body):
    """A place in code: what stands before it and after it. `file` says the language, and need not exist."""

    prefix: str = Field(max_length=LONGEST)
    suffix: str = Field("", max_length=LONGEST)
    file: str = Field("untitled", max_length=1000)
    language: str = Field("", max_length=50)
    count: int = Field(1, ge=1, le=8)


class SuggestionShown(Shape):
    """Text for the cursor; it takes the place of so many characters right of it."""

    text: str
    replace_after: int
    model: str


class SuggestionsAnswer(Shape):
    """What may stand there, best first; where there is nothing, the reason."""

    success: bool = True
    suggestions: list[SuggestionShown]
    reason: str


class _Asked:
    """The router, as a user asks it for one model or for the route."""

    def __init__(self, router: Router, user: str, model: str | None) -> None:
        self._router = router
        self._user = user
        self._model = model

    def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes."""
        return self._router.stream(replace(request, user=self._user, model=self._model))


def routes(gateway: Gateway) -> list[BaseRoute]:
    """One."""

    async def suggest(request: Request) -> Response:
        user, body = caller(request), await read(request, SuggestionsBody)
        answer = await while_connected(request, _suggested(gateway, user, body))
        if answer.error is not None and not answer.suggestions:
            raise answer.error
        found = [
            SuggestionShown(text=each.text, replace_after=each.replace_after, model=each.model)
            for each in answer.suggestions
        ]
        return Json(SuggestionsAnswer(suggestions=found, reason=answer.reason).model_dump(by_alias=True))

    described = Described(
        "Suggest code for a place", body=SuggestionsBody, answer=SuggestionsAnswer, errors=(*ERRORS, 429)
    )
    return [Operation("POST", "/api/codebase/suggestions", suggest, described)]


async def _suggested(gateway: Gateway, user: User, body: SuggestionsBody) -> Answer:
    app = gateway.app
    if body.repo is not None:
        gateway.folders.root(user, body.repo)  # a workspace that is not there is said, though nothing of it is read

    def first(_task: Task) -> ModelSpec | None:
        return model

    cursor = _cursor(body)
    model = _model(gateway, user, body)
    # One request, one engine: nothing of one user's code is remembered for another's.
    engine = Engine(
        _Asked(app.router, user.name, body.chosen),
        replace(app.settings.completion, candidates=body.count, enabled=True),
        monotonic,
        first,
    )
    try:
        return await engine.suggest(cursor, explicit=True, allowed=Allowed(local_only=body.local_only))
    finally:
        await engine.aclose()


def _model(gateway: Gateway, user: User, body: SuggestionsBody) -> ModelSpec:
    """The model that will most likely be asked: whose window shapes the prompt.

    Raises:
        UserError: there is none.
    """
    asked = FimRequest("", "", model=body.chosen, user=user.name, local_only=body.local_only)
    return plan(asked, gateway.app.registry)[0].model


def _cursor(body: SuggestionsBody) -> Cursor:
    before = body.prefix.replace("\r\n", "\n")
    language = body.language or language_of(body.file) or "plaintext"
    if "\0" in before:
        raise Refusal(422, "The prefix is no text", "Send code")
    return Cursor(
        uri=f"gateway:{body.file}",
        path=body.file,
        language=language,
        version=0,
        line=before.count("\n"),
        column=len(before) - before.rfind("\n") - 1,
        before=before,
        after=body.suffix.replace("\r\n", "\n"),
    )
