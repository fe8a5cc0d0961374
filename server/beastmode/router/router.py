"""The loop over tries: plan, ask, tell the observers, and move on or give up as the error's disposition says."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from beastmode.domain.errors import AttemptFailed, Disposition
from beastmode.domain.request import ChatRequest, Task
from beastmode.domain.response import Completion, Finished, Started, TextDelta
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Usage
from beastmode.router.attempt import Trace, attempt
from beastmode.router.limits import limits_for
from beastmode.router.plan import plan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.routing import Candidate
    from beastmode.router.attempt import Poster
    from beastmode.router.plan import Models

RETRY_PAUSE = 0.2
"""Seconds before the same model is asked again."""

CHARACTERS_PER_TOKEN = 3.5
"""Of code, for the counts that an endpoint does not report; such rows are marked as estimated."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model really answers, and the headers with the key for that origin and no other."""

    url: str
    secret_headers: Mapping[str, str]


@dataclass(slots=True)
class Ending:
    """When a try began (Unix time, and by the monotonic clock) and how it ended; failed unless shown otherwise."""

    request_id: str
    started_at: float
    started: float
    outcome: Outcome = Outcome.FAILED
    error: AttemptFailed | None = None


class Endpoints(Protocol):
    """Finds the endpoint of a model when it is needed: opens its key, starts the built-in one."""

    async def locate(self, model: ModelSpec) -> Endpoint:
        """The endpoint, or AttemptFailed with the reason there is none."""
        ...


class Observer(Protocol):
    """Is told of every try when it is over, before its caller sees the end of the answer."""

    async def observe(self, attempt: Attempt) -> None:
        """Take note."""
        ...


class Router:
    """Answers requests with the models that are registered.

    Args:
        models: the registry.
        endpoints: finds where a model answers.
        poster: the transport.
        observers: told of every try, in this order.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        models: Models,
        endpoints: Endpoints,
        poster: Poster,
        observers: Sequence[Observer],
        clock: Callable[[], float],
    ) -> None:
        self._models = models
        self._endpoints = endpoints
        self._poster = poster
        self._observers = observers
        self._clock = clock

    async def stream(self, request: Request) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes: Started, then the model's events, last Finished.

        Use it under `contextlib.aclosing`. Closing it early stops the model and counts as a success (the caller had
        enough); cancelling the reading task stops the model and counts as cancelled.

        Raises:
            UserError: no model may or can answer.
            AttemptFailed: the last candidate failed, or one failed after text had been shown.
        """
        request_id = uuid4().hex
        failure: AttemptFailed | None = None
        for candidate in plan(request, self._models):
            for tries_left in range(_tries(request.task) - 1, -1, -1):
                shown = False
                try:
                    # Nothing is sent before the model is located: one that cannot be located leaves no row.
                    endpoint = await self._endpoints.locate(candidate.model)
                    async with aclosing(self.ask(request, candidate, endpoint, request_id)) as events:
                        async for event in events:
                            shown = shown or isinstance(event, TextDelta)
                            yield event
                except AttemptFailed as error:
                    if shown or error.disposition is Disposition.GIVE_UP:
                        raise
                    failure = error
                else:
                    return
                if failure.disposition is not Disposition.RETRY or tries_left == 0:
                    break
                await asyncio.sleep(RETRY_PAUSE)
        assert failure is not None, "plan() never returns an empty list"  # noqa: S101 - for the type checker
        raise failure

    async def complete(self, request: Request) -> Completion:
        """The whole answer at once; raises as `stream` does."""
        text: list[str] = []
        model, request_id = "", ""
        usage, finish = Usage(), None
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                match event:
                    case Started():
                        model, request_id = event.model, event.request_id
                    case TextDelta():
                        text.append(event.text)
                    case Finished():
                        finish = event.reason
                    case _:
                        usage = usage.merge(getattr(event, "usage", usage))
        assert finish is not None, "a stream that does not raise ends with Finished"  # noqa: S101 - as above
        return Completion("".join(text), model, finish, usage, request_id)

    async def ask(
        self, request: Request, candidate: Candidate, endpoint: Endpoint, request_id: str
    ) -> AsyncGenerator[StreamEvent]:
        """One try at one model, with its row in the ledger; for the loop above, and for testing a model."""
        model, trace = candidate.model, Trace()
        ending = Ending(request_id, self._clock(), monotonic())
        try:
            yield Started(model.id, request_id)
            answer = attempt(
                request,
                replace(model, endpoint_url=endpoint.url),
                self._poster,
                secret_headers=endpoint.secret_headers,
                limits=limits_for(endpoint.url, request.task),
                trace=trace,
            )
            async with aclosing(answer) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        ending.outcome = Outcome.OK
                        break
                    yield event
        except AttemptFailed as failed:
            ending.error = failed
            raise
        except asyncio.CancelledError:
            ending.outcome = Outcome.CANCELLED
            raise
        except GeneratorExit:
            ending.outcome = Outcome.OK if trace.text_length else Outcome.CANCELLED
            raise
        finally:
            await self._tell(_row(request, candidate, trace, over=ending))
        if trace.finished is not None:
            yield trace.finished

    async def _tell(self, row: Attempt) -> None:
        for observer in self._observers:
            try:
                await observer.observe(row)
            except Exception:  # an observer that fails must not cost the user the answer
                log.exception("%s could not record an attempt", type(observer).__name__)


def _tries(task: Task) -> int:
    # While typing, the next keystroke is the second try.
    return 1 if task is Task.INLINE else 2


def _row(request: Request, candidate: Candidate, trace: Trace, *, over: Ending) -> Attempt:
    model, usage = candidate.model, trace.usage
    # A server that never answered counted nothing and billed nothing.
    estimated = trace.connect_s is not None and None in {usage.input_tokens, usage.output_tokens}
    if estimated:
        usage = Usage(_tokens(_length(request)), _tokens(trace.text_length)).merge(usage)
    total_s = monotonic() - over.started
    return Attempt(
        id=uuid4().hex,
        request_id=over.request_id,
        task=request.task,
        model=model.id,
        provider=model.provider,
        origin=model.origin,
        reason=candidate.reason,
        started_at=over.started_at,
        outcome=over.outcome,
        total_s=total_s,
        connect_s=trace.connect_s,
        first_token_s=trace.first_token_s,
        error_kind=over.error.kind if over.error else None,
        error=over.error.message if over.error else None,
        usage=usage,
        estimated=estimated,
        cost=model.price.cost(usage, total_s) if model.price else None,
        price=model.price,
    )


def _length(request: Request) -> int:
    if isinstance(request, ChatRequest):
        return sum(len(message.text) for message in request.messages)
    return len(request.prefix) + len(request.suffix)


def _tokens(characters: int) -> int:
    return round(characters / CHARACTERS_PER_TOKEN)
