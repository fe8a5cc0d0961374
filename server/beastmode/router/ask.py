"""One try at one model, from its place in the queue to its row in the ledger."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from beastmode.domain.errors import AttemptFailed, TimedOut
from beastmode.domain.model import is_loopback
from beastmode.domain.request import Task
from beastmode.domain.response import Finished, Started
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Usage
from beastmode.router.attempt import Trace, attempt
from beastmode.router.breaker import resting_error
from beastmode.router.complexity import length, tokens
from beastmode.router.limits import limits_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.routing import Candidate
    from beastmode.router.attempt import Poster
    from beastmode.router.breaker import Breakers
    from beastmode.router.latency import Latencies
    from beastmode.router.room import Rooms

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model really answers, and the headers with the key for that origin and no other."""

    url: str
    secret_headers: Mapping[str, str]


class Observer(Protocol):
    """Is told of every try when it is over, before its caller sees the end of the answer."""

    async def observe(self, attempt: Attempt) -> None:
        """Take note."""
        ...


class Masker(Protocol):
    """Keeps secrets from endpoints that are not on this machine."""

    async def prepare(self) -> None:
        """Get ready; costs nothing once it is done."""
        ...

    def mask(self, request: Request) -> tuple[Request, int]:
        """The request without its secrets, and how many there were."""
        ...


@dataclass(slots=True)
class _Try:
    """What is noted of one try while it runs; failed unless shown otherwise."""

    id: str
    request_id: str
    started_at: float
    masked: int
    queue_s: float = 0.0
    outcome: Outcome = Outcome.FAILED
    error: AttemptFailed | None = None
    began: float = field(default_factory=monotonic)
    trace: Trace = field(default_factory=Trace)


class Asker:
    """Makes tries.

    Args:
        poster: the transport.
        rooms: how many requests an endpoint takes at once.
        breakers: learn from every try.
        latencies: how soon a model usually answers.
        masker: keeps secrets on this machine.
        observers: told of every try, in this order.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        poster: Poster,
        *,
        rooms: Rooms,
        breakers: Breakers,
        latencies: Latencies,
        masker: Masker,
        observers: Sequence[Observer],
        clock: Callable[[], float],
    ) -> None:
        self._poster = poster
        self._rooms = rooms
        self._breakers = breakers
        self._latencies = latencies
        self._masker = masker
        self._observers = (latencies, *observers)
        self._clock = clock

    async def ask(
        self, request: Request, candidate: Candidate, endpoint: Endpoint, request_id: str, attempt_id: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """The events of one model's answer: Started, what it says, Finished.

        Closing the generator early counts as a success, cancelling its reader as cancelled.

        Raises:
            AttemptFailed: any of the family.
        """
        model, masked = candidate.model, 0
        if not is_loopback(endpoint.url):
            await self._masker.prepare()
            request, masked = self._masker.mask(request)
        made = _Try(attempt_id or uuid4().hex, request_id, self._clock(), masked)
        is_test = request.task is Task.PROBE
        async with self._rooms.place(model, endpoint.url) as made.queue_s:
            # Another request may have become the probe of a resting model while this one waited.
            if request.task is Task.INLINE and (rest := self._breakers.resting(model.id)) is not None:
                raise resting_error(model.id, *rest)
            is_first = not is_test and self._breakers.begin(model.id)
            try:
                yield Started(model.id, request_id, candidate.reason)
                answer = attempt(
                    request,
                    model if model.endpoint_url == endpoint.url else replace(model, endpoint_url=endpoint.url),
                    self._poster,
                    secret_headers=endpoint.secret_headers,
                    limits=limits_for(
                        endpoint.url,
                        request.task,
                        self._latencies.p95(model.id, request.task),
                        tokens(length(request)),
                    ),
                    trace=made.trace,
                )
                async with aclosing(answer) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            made.outcome = Outcome.OK
                            break
                        yield event
            except AttemptFailed as failed:
                made.error = failed
                raise
            except asyncio.CancelledError:
                made.outcome = Outcome.CANCELLED
                raise
            except GeneratorExit:
                # A caller may be cancelled while it handles a piece, and then closes what it reads.
                enough = made.trace.text_length and not _is_cancelled()
                made.outcome = Outcome.OK if enough else Outcome.CANCELLED
                raise
            finally:
                if not is_test:  # the model may not be registered yet, or be about to change
                    self._breakers.end(model.id, made.outcome, made.error, was_probe=is_first)
                await self.tell(_row(request, candidate, made))
        if made.trace.finished is not None:
            yield made.trace.finished

    async def tell(self, row: Attempt) -> None:
        """Tell every observer of a try."""
        for observer in self._observers:
            try:
                await observer.observe(row)
            except Exception:  # an observer that fails must not cost the user the answer
                log.exception("%s could not record an attempt", type(observer).__name__)


def _is_cancelled() -> bool:
    """Whether the task that runs this is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _has_read(made: _Try) -> bool:
    """Whether the model is likely to have read the prompt, and a provider to bill it, though it may have said nothing.

    One that refused, or was never reached, has not.
    """
    gave_up = isinstance(made.error, TimedOut) and made.error.phase != "connect"
    return made.trace.connect_s is not None or made.outcome is Outcome.CANCELLED or gave_up


def _row(request: Request, candidate: Candidate, made: _Try) -> Attempt:
    model, trace, usage = candidate.model, made.trace, made.trace.usage
    estimated = _has_read(made) and None in {usage.input_tokens, usage.output_tokens}
    if estimated:
        usage = Usage(tokens(length(request)), tokens(trace.text_length)).merge(usage)
    total_s = monotonic() - made.began
    return Attempt(
        id=made.id,
        request_id=made.request_id,
        task=request.task,
        model=model.id,
        provider=model.provider,
        origin=model.origin,
        reason=candidate.reason,
        started_at=made.started_at,
        outcome=made.outcome,
        total_s=total_s,
        connect_s=trace.connect_s,
        first_token_s=trace.first_token_s,
        error_kind=made.error.kind if made.error else ("internal" if made.outcome is Outcome.FAILED else None),
        error=made.error.message if made.error else None,
        usage=usage,
        estimated=estimated,
        cost=model.price.cost(usage, total_s - made.queue_s) if model.price else None,
        queue_s=made.queue_s,
        price=model.price,
        masked=made.masked,
        user=request.user,
    )
