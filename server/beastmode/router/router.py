"""A request's way: plan, memory, one answer for all who ask the same, the race, the chain of models, the tries at one.

Each step is a generator around the next, read from top to bottom.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from beastmode.domain.errors import (
    AttemptFailed,
    ContentFiltered,
    ContextOverflow,
    Disposition,
    NotAllowed,
    Rejected,
    StreamCut,
)
from beastmode.domain.model import accepts_prefill
from beastmode.domain.request import EmbedRequest, Task
from beastmode.domain.response import Completion, Finished, Started, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Usage
from beastmode.router.hedge import hedged
from beastmode.router.plan import explain, plan
from beastmode.router.retry import pause
from beastmode.router.splice import Continuation, resumed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractAsyncContextManager

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.routing import Candidate
    from beastmode.router.ask import Asker, Endpoint
    from beastmode.router.breaker import Breakers
    from beastmode.router.flights import Flights
    from beastmode.router.latency import Latencies
    from beastmode.router.plan import Models, Verdict

FROM_MEMORY = "answered from memory"


@dataclass(slots=True)
class _Shown:
    """What the caller has of an answer."""

    text: str = ""
    has_called: bool = False

    def see(self, event: StreamEvent) -> None:
        """Take note of an event that goes to the caller."""
        if isinstance(event, TextDelta):
            self.text += event.text
        elif isinstance(event, ToolCallDelta):
            self.has_called = True


class Endpoints(Protocol):
    """Finds the endpoint of a model when it is needed: opens its key, starts the built-in one."""

    async def locate(self, model: ModelSpec) -> Endpoint:
        """The endpoint, or AttemptFailed with the reason there is none."""
        ...


class Spending(Protocol):
    """Guards the user's caps."""

    def hold(
        self, model: ModelSpec, request: Request, request_id: str, reason: str
    ) -> AbstractAsyncContextManager[str]:
        """Hold back what a try could cost while it runs; NotAllowed where it could pass a cap.

        Yields the id of the try's row.
        """
        ...


class Answers(Protocol):
    """Remembers answers to deterministic requests."""

    def key(self, request: Request, model: ModelSpec) -> str | None:
        """Under what an answer is kept; None where it must not be."""
        ...

    async def find(self, key: str) -> tuple[StreamEvent, ...] | None:
        """The events of a whole answer."""
        ...

    async def keep(self, key: str, events: Sequence[StreamEvent]) -> None:
        """Remember a whole answer."""
        ...


class Router:
    """Answers requests with the models that are registered.

    Args:
        models: the registry.
        endpoints: finds where a model answers.
        asker: makes single tries.
        breakers: know which models are resting.
        latencies: know how soon a model usually answers.
        flights: answers under way.
        spending: guards the caps.
        answers: remembers.
        splices: whether another model may go on with an answer that broke off.
    """

    def __init__(
        self,
        models: Models,
        endpoints: Endpoints,
        asker: Asker,
        *,
        breakers: Breakers,
        latencies: Latencies,
        flights: Flights,
        spending: Spending,
        answers: Answers,
        splices: bool = True,
    ) -> None:
        self._models = models
        self._endpoints = endpoints
        self._breakers = breakers
        self._latencies = latencies
        self._flights = flights
        self._spending = spending
        self._answers = answers
        self._splices = splices
        self.asker = asker

    def stream(self, request: Request, *, shares: bool = True) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes: Started, then the model's events, last Finished.

        Use it under `contextlib.aclosing`. Closing it early stops the model and counts as a success (the caller had
        enough); cancelling the reading task stops the model and counts as cancelled. A second Started says that another
        model goes on.

        Args:
            request: what is asked.
            shares: whether an identical request that is under way may answer this one too; not for callers who want an
                answer of their own, such as samples, and whose going away must not end another's.

        Raises:
            UserError: no model may or can answer.
            AttemptFailed: every candidate failed (the error is the first one's), or one failed after text had been
                shown and nothing could take over to the letter.
        """
        candidates = plan(request, self._models, self._breakers.resting)
        if not shares:
            return self._remembered(request, candidates)
        return self._flights.join((request, candidates), lambda: self._remembered(request, candidates))

    def first(self, request: Request) -> ModelSpec:
        """The model that would be asked first; raises UserError as `stream` does, and nothing is sent."""
        return plan(request, self._models, self._breakers.resting)[0].model

    def explain(self, request: Request) -> tuple[Verdict, ...]:
        """Every model that could answer, in its order, with the reason for or against it; nothing is sent."""
        return explain(request, self._models, self._breakers.resting)

    async def complete(self, request: Request) -> Completion:
        """The whole answer at once; raises as `stream` does."""
        text: list[str] = []
        model = request_id = ""
        usage, finish = Usage(), None
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        text.append(event.text)
                    case Started():
                        model, request_id, usage = event.model, event.request_id, Usage()
                    case UsageReport():
                        usage = usage.merge(event.usage)
                    case Finished():
                        finish = event.reason
                    case _:
                        pass
        assert finish is not None, "a stream that does not raise ends with Finished"  # noqa: S101 - for the type checker
        return Completion("".join(text), model, finish, usage, request_id)

    def _remembered(self, request: Request, candidates: tuple[Candidate, ...]) -> AsyncGenerator[StreamEvent]:
        """From memory where the same was answered before; else the answer, which is then kept if it may be."""
        request_id = uuid4().hex
        key = self._answers.key(request, candidates[0].model)
        if key is None:
            return self._raced(request, candidates, request_id)
        return self._kept(request, candidates, request_id, key)

    async def _kept(
        self, request: Request, candidates: tuple[Candidate, ...], request_id: str, key: str
    ) -> AsyncGenerator[StreamEvent]:
        if (known := await self._answers.find(key)) is not None:
            yield Started(candidates[0].model.id, request_id, FROM_MEMORY)
            await self.asker.tell(_from_memory(request, candidates[0], request_id))
            for event in known:
                yield event
            return
        heard: list[StreamEvent] = []
        is_its_own = True  # what another model said is not kept as this one's
        async with aclosing(self._raced(request, candidates, request_id)) as events:
            async for event in events:
                if isinstance(event, Started):
                    is_its_own = is_its_own and event.model == candidates[0].model.id
                else:
                    heard.append(event)
                if isinstance(event, Finished) and is_its_own:
                    await self._answers.keep(key, heard)
                yield event

    def _raced(
        self, request: Request, candidates: tuple[Candidate, ...], request_id: str
    ) -> AsyncGenerator[StreamEvent]:
        """While typing, a second model is asked when the first is later than it usually is."""
        may_hedge = request.task is Task.INLINE and len(candidates) > 1
        usual_s = self._latencies.p95(candidates[0].model.id, request.task) if may_hedge else None
        if usual_s is None:
            return self._chained(request, candidates, request_id)

        def others(failure: BeastModeError | None) -> AsyncGenerator[StreamEvent]:
            if failure is not None and _is_final(failure):
                raise failure
            window = 0 if failure is None else _too_small(failure, candidates[0].model)
            return self._chained(request, candidates[1:], request_id, failure, window)

        return hedged(self._chained(request, candidates[:1], request_id), others, usual_s)

    async def _chained(
        self,
        request: Request,
        candidates: tuple[Candidate, ...],
        request_id: str,
        failure: BeastModeError | None = None,
        window: int = 0,
    ) -> AsyncGenerator[StreamEvent]:
        """One model after the other, until one has answered.

        Args:
            request: what is asked.
            candidates: in their order.
            request_id: for the rows.
            failure: of a model that was asked before these.
            window: tokens of a context window that is known to be too small.
        """
        shown = _Shown()
        for candidate in candidates:
            if candidate.model.context_window <= window:
                continue
            asked = request
            try:
                asked, taken = self._continued(request, candidate.model, shown.text)
                async with aclosing(self._tried(asked, candidate, request_id)) as events:
                    async for event in events:
                        for new in taken.take(event):
                            shown.see(new)
                            yield new
            except (NotAllowed, AttemptFailed) as error:
                failure = failure or error
                # What a model refuses may well be the prefill, which the caller did not ask for.
                is_final = _is_final(error) and not (asked is not request and type(error) is Rejected)
                # And a second model's call would be appended to half of the first one's.
                if is_final or shown.has_called:
                    raise (error if isinstance(error, ContentFiltered) else failure) from None
                window = max(window, _too_small(error, candidate.model))
            else:
                return
        assert failure is not None, "the first candidate always gets its try"  # noqa: S101 - for the type checker
        raise failure

    def _continued(self, request: Request, model: ModelSpec, shown: str) -> tuple[Request, Continuation]:
        """What to ask a model after some text was shown, and what of its answer is then new.

        Raises:
            StreamCut: this model cannot go on with an answer that another one began.
        """
        if not shown or isinstance(request, EmbedRequest):
            return request, Continuation("")
        if not self._splices:
            raise StreamCut("The answer broke off, and no other model may go on with it", "Ask again")
        if accepts_prefill(model, self._models.provider(model.provider)):
            return resumed(request, shown), Continuation("")
        if request.temperature != 0.0:
            raise StreamCut("The answer broke off, and another model would answer differently", "Ask again")
        return request, Continuation(shown)

    async def _tried(self, request: Request, candidate: Candidate, request_id: str) -> AsyncGenerator[StreamEvent]:
        """One model, as often as it makes sense."""
        tries = 0
        while True:
            begun = False
            tries += 1
            try:
                held = self._spending.hold(candidate.model, request, request_id, candidate.reason)
                async with held as attempt_id:
                    # Nothing is sent before the model is located: one that cannot be located leaves no row.
                    endpoint = await self._endpoints.locate(candidate.model)
                    asked = self.asker.ask(request, candidate, endpoint, request_id, attempt_id)
                    async with aclosing(asked) as events:
                        async for event in events:
                            begun = begun or not isinstance(event, Started)
                            yield event
            except AttemptFailed as error:
                wait = None if begun else pause(error, tries, request.task, random.random)
                if wait is None:
                    raise
                await asyncio.sleep(wait)
            else:
                return


def _is_final(error: BeastModeError) -> bool:
    """Whether no other model could do better: the request itself is at fault."""
    return isinstance(error, AttemptFailed) and error.disposition is Disposition.GIVE_UP


def _too_small(error: BeastModeError, model: ModelSpec) -> int:
    """The context window that is now known to be too small; 0 for none."""
    return model.context_window if isinstance(error, ContextOverflow) else 0


def _from_memory(request: Request, candidate: Candidate, request_id: str) -> Attempt:
    model = candidate.model
    return Attempt(
        id=uuid4().hex,
        request_id=request_id,
        task=request.task,
        model=model.id,
        provider=model.provider,
        origin=model.origin,
        reason=FROM_MEMORY,
        started_at=time(),
        outcome=Outcome.OK,
        total_s=0.0,
        usage=Usage(0, 0),
        cost=Decimal(0),
        price=model.price,
        cached=True,
        user=request.user,
    )
