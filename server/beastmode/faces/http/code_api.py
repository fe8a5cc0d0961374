"""The specification's endpoints for code: chat, and the tasks that propose a change."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import BeastModeError
from beastmode.faces.http import code_shapes as shapes
from beastmode.faces.http.auth import caller
from beastmode.faces.http.body import read
from beastmode.faces.http.discretion import for_user
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.problems import Refusal, details
from beastmode.faces.http.streaming import EventStream, event, wants_stream, while_connected
from beastmode.tasks.chat import Answering, Ended, Part, Shown, Thought
from beastmode.tasks.edits import recover, write
from beastmode.tasks.proposal import Doing, Failed, Order, Planned, Proposed
from beastmode.tasks.proposal import Part as TaskPart
from beastmode.tasks.proposal import Thought as TaskThought

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from pydantic import BaseModel
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.faces.http.gateway import Gateway
    from beastmode.registry.users import User
    from beastmode.tasks.chat import Event as ChatEvent
    from beastmode.tasks.proposal import Event, Proposal

ERRORS = (400, 402, 403, 404, 500, 502, 503, 504)


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Chat, and one route a task."""
    tasks = (
        ("/api/repos/quality/generate-feature", "feature", shapes.FeatureBody, "Build a feature from a description"),
        ("/api/codebase/refactor", "refactor", shapes.RefactorBody, "Refactor a file, or an opportunity in it"),
        ("/api/codebase/tests/generate", "tests", shapes.TestsBody, "Write tests for a file"),
    )
    return [
        Operation(
            "POST",
            "/api/codebase/chat",
            _chat(gateway),
            Described(
                "Ask about code, in a conversation that is kept under its sessionId",
                body=shapes.ChatBody,
                answer=shapes.ChatAnswer,
                streams=True,
                errors=ERRORS,
            ),
        ),
        *(
            Operation(
                "POST",
                path,
                _task(gateway, name, body),
                Described(summary, body=body, answer=shapes.TaskAnswer, streams=True, errors=ERRORS),
            )
            for path, name, body, summary in tasks
        ),
    ]


def _chat(gateway: Gateway) -> Any:
    async def chat(request: Request) -> Response:
        user, body = caller(request), await read(request, shapes.ChatBody)
        events = _asked(gateway, user, body)
        if wants_stream(request):
            return await streamed(gateway, request, events, lambda each: _chat_event(body, each))
        last = await while_connected(request, _last(events))
        if isinstance(last, Ended) and last.error is not None:
            raise last.error
        return _json(shapes.chat_answer(body, last))

    return chat


async def _asked(gateway: Gateway, user: User, body: shapes.ChatBody) -> AsyncGenerator[ChatEvent]:
    """The events of a chat; without `useLLM` only what a model would be shown."""
    chat = gateway.folders.chat(user, body.repo)
    events = chat.ask(
        _session(user, body.session_id),
        body.message,
        attachments=[each.attachment() for each in body.files],
        model=body.chosen,
        local_only=body.local_only,
        user=user.name,
    )
    async with aclosing(events):
        async for each in events:
            yield _told(gateway, user, each)
            if not body.use_llm:
                return


def _session(user: User, name: str | None) -> str | None:
    """A conversation's id; one user's is never another's."""
    return f"{user.name}:{name}" if name and user.name else name or None


def _told(gateway: Gateway, user: User, each: Any) -> Any:
    """An event as its user may read it."""
    if isinstance(each, Ended | Failed) and each.error is not None:
        return replace(each, error=for_user(each.error, user, gateway.app.registry))
    return each


def _chat_event(body: shapes.ChatBody, each: ChatEvent) -> bytes:
    match each:
        case Shown():
            return event(shapes.sources(each), "sources")
        case Answering():
            return event({"model": each.model, "requestId": each.request_id}, "model")
        case Part():
            return event({"text": each.text}, "part")
        case Thought():
            return event({"text": each.text}, "thought")
        case Ended():
            if each.error is not None:
                return event(details(each.error), "error")
            return event(shapes.chat_answer(body, each).model_dump(by_alias=True), "result")


def _task(gateway: Gateway, name: str, kind: type[shapes.TaskBody]) -> Any:
    async def task(request: Request) -> Response:
        user, body = caller(request), await read(request, kind)
        root = gateway.folders.root(user, body.repo)
        if not body.use_llm:
            raise Refusal(400, "There is nothing to be done without a model", "Leave `useLLM` out, or send true")
        if body.apply:
            _check_may_write(gateway, user)
        order = Order(
            name,
            body.words,
            tuple(each.attachment() for each in body.about),
            body.place,
            body.chosen,
            body.local_only,
            user.name,
        )
        events = _carried_out(gateway, user, order, root, writes=body.apply)
        if wants_stream(request):
            return await streamed(gateway, request, events, _task_event)
        last = await while_connected(request, _last(events))
        if isinstance(last, Failed):
            raise last.error
        return _json(last)

    return task


def _check_may_write(gateway: Gateway, user: User) -> None:
    """Raise Refusal where a change may be proposed only: what stands in a workspace will be run by its owner."""
    if not gateway.access.writes:
        raise Refusal(
            403,
            "This gateway writes nothing to a workspace",
            "Leave `apply` out and make the change yourself, or start it with `beastmode serve --allow-writes`",
        )
    if not user.is_owner:
        raise Refusal(403, "Only the owner of this gateway may have a change written", "Leave `apply` out")


async def _carried_out(
    gateway: Gateway, user: User, order: Order, root: Path, *, writes: bool
) -> AsyncGenerator[Event | shapes.TaskAnswer]:
    """The events of a task; in the place of its proposal, the answer, after the change was written where asked to."""
    if writes:
        await recover(root, gateway.app.journals)
    async with aclosing(gateway.app.work.run(order, root)) as events:
        async for each in events:
            if isinstance(each, Proposed):
                yield await _answer(gateway, each.proposal, root, writes=writes)
            else:
                yield _told(gateway, user, each)


async def _answer(gateway: Gateway, proposal: Proposal, root: Path, *, writes: bool) -> shapes.TaskAnswer:
    if writes and proposal.change is not None:
        await write(proposal.change, root, gateway.app.journals)
    return shapes.task_answer(proposal, applied=writes and proposal.change is not None)


def _task_event(each: Event | shapes.TaskAnswer) -> bytes:
    match each:
        case Planned():
            return event({"plan": [shapes.step(one).model_dump(by_alias=True) for one in each.steps]}, "plan")
        case Failed():
            return event(details(each.error), "error")
        case shapes.TaskAnswer():
            return event(each.model_dump(by_alias=True), "result")
        case Doing() | TaskPart() | TaskThought():
            return event({"text": each.text}, type(each).__name__.lower())
        case _:
            return b""


async def streamed(gateway: Gateway, request: Request, events: AsyncGenerator[Any], told: Any) -> Response:
    """The answer as it comes. What fails before the first event is a plain problem; after it, an `error` event."""
    first = await while_connected(request, anext(events))
    if isinstance(first, Failed):
        await events.aclose()
        raise first.error

    async def pieces() -> AsyncGenerator[bytes]:
        yield told(first)
        async with aclosing(events):
            try:
                async for each in events:
                    yield told(each)
            except BeastModeError as error:
                yield event(details(for_user(error, caller(request), gateway.app.registry)), "error")

    return EventStream(pieces())


async def _last(events: AsyncGenerator[Any]) -> Any:
    last = None
    async with aclosing(events):
        async for each in events:
            last = each
    return last


def _json(answer: BaseModel) -> Response:
    return Json(answer.model_dump(by_alias=True))
