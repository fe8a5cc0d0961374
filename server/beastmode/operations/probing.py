"""Asks an endpoint that nothing is known of: every question bounded in time and size, none of them more than agreed.

Apart from the doctor, who decides what to ask; here is how it is asked and what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.domain.errors import (
    AttemptFailed,
    ConnectionLost,
    ModelUnavailable,
    RateLimited,
    ServerFailed,
    StreamCut,
    StreamFailed,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from beastmode.domain.model import Auth, ModelSpec
from beastmode.domain.request import Request
from beastmode.domain.response import ReasoningDelta, TextDelta, UsageReport
from beastmode.domain.routing import Candidate
from beastmode.domain.usage import Usage
from beastmode.router.complexity import length, tokens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from beastmode.domain.response import StreamEvent
    from beastmode.router.ask import Asker, Endpoint

Hold = Callable[[ModelSpec, Request], AbstractAsyncContextManager[object]]
"""Around a request: raises NotAllowed where it could pass one of the user's caps."""
Doors = Callable[[Auth], "Endpoint"]
"""Where to ask, with the key travelling as this says; always to the same origin."""
Progress = Callable[[str, float | None], None]
"""A message, and the part of the work that is done, 0 to 1."""

FIRST_LIMIT_S = 120.0
"""The first question may have to wait until the model is loaded."""
LIMIT_S = 45.0
MOST_SILENCES = 3
"""After so many questions that were not answered in time, no more is asked."""
MOST_SECONDS = 900.0
"""Nor is any after so long."""
MOST_TEXT = 4_000
"""Characters of one answer that are read; nothing we ask needs as many."""
LONGEST_PAUSE_S = 20.0
"""How long an endpoint that is asked too much may ask us to wait."""
USUAL_PAUSE_S = 2.0
NOT_IMPLEMENTED = 501
"""What llama.cpp says where a model cannot fill holes: a fact, not a failure."""

_PASSING = (Unreachable, TlsFailed, TimedOut, RateLimited, ServerFailed, StreamCut, StreamFailed, ModelUnavailable)


@dataclass(frozen=True, slots=True)
class Probe:
    """One answer, or the error in its place; times in seconds.

    `first_s` is when the first text (or thought) came, `spread_s` from then to the last; `usage` None where the
    endpoint did not report both counts.
    """

    text: str = ""
    thought: bool = False
    seconds: float = 0.0
    first_s: float | None = None
    spread_s: float = 0.0
    pieces: int = 0
    usage: Usage | None = None
    error: AttemptFailed | None = None

    @property
    def answered(self) -> bool:
        """Whether anything was said, be it only thought."""
        return self.error is None and bool(self.text.strip() or self.thought)


class Refused(AttemptFailed):
    """The question was not sent: as many as were agreed on have been, or it takes too long."""

    kind = "refused"


def is_passing(error: AttemptFailed | None) -> bool:
    """Whether an error says nothing about what the endpoint can do: it was busy, down or slow."""
    if isinstance(error, ServerFailed) and error.status == NOT_IMPLEMENTED:
        return False
    return isinstance(error, (*_PASSING, Refused))


class Prober:
    """Sends probes one after the other and counts them.

    Args:
        asker: sends them, and writes them into the ledger.
        doors: where to.
        hold: keeps every one within the caps.
        most: probes that may be sent.
        progress: told how far it is.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        asker: Asker,
        doors: Doors,
        *,
        hold: Hold,
        most: int,
        progress: Progress,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.doors = doors
        self.sent = 0
        self.tokens = 0
        self._asker = asker
        self._hold = hold
        self._most = most
        self._progress = progress
        self._pause = pause
        self._silence: list[TimedOut] = []
        self._end = monotonic() + MOST_SECONDS

    def say(self, message: str) -> None:
        """Tell what is being found out."""
        self._progress(message, min(self.sent / self._most, 1.0))

    async def ask(self, request: Request, model: ModelSpec, auth: Auth) -> Probe:
        """Ask one question; once more where the connection was lost, or after a pause where it is asked too much.

        Raises:
            NotAllowed: it could pass a cap of the user's.
        """
        probe = await self._ask(request, model, auth)
        if isinstance(probe.error, RateLimited):
            wait = USUAL_PAUSE_S if probe.error.retry_after is None else probe.error.retry_after
        elif isinstance(probe.error, ConnectionLost):
            wait = 0.0
        else:
            return probe
        if wait > LONGEST_PAUSE_S:
            return probe
        await self._pause(wait)
        return await self._ask(request, model, auth)

    async def _ask(self, request: Request, model: ModelSpec, auth: Auth) -> Probe:
        if len(self._silence) >= MOST_SILENCES:
            return Probe(error=self._silence[-1])
        if self.sent >= self._most or monotonic() > self._end:
            return Probe(error=Refused(f"{self.sent} questions took all the time, or all the number, there was"))
        limit = FIRST_LIMIT_S if self.sent == 0 else LIMIT_S
        async with self._hold(model, request):
            self.sent += 1
            probe = await self._listen(request, model, self.doors(auth), limit)
        if isinstance(probe.error, TimedOut):
            self._silence.append(probe.error)
        used = probe.usage or Usage()
        self.tokens += tokens(length(request)) if used.input_tokens is None else used.input_tokens
        self.tokens += tokens(len(probe.text)) if used.output_tokens is None else used.output_tokens
        return probe

    async def _listen(self, request: Request, model: ModelSpec, endpoint: Endpoint, limit_s: float) -> Probe:
        heard = _Heard()
        try:
            async with asyncio.timeout(limit_s):
                asked = self._asker.ask(request, Candidate(model, "doctor"), endpoint, uuid4().hex)
                async with aclosing(asked) as events:
                    await heard.listen(events)
        except TimeoutError:
            return heard.probe(TimedOut("total", limit_s, model.origin))
        except AttemptFailed as error:
            return heard.probe(error)
        return heard.probe(None)


class _Heard:
    """What has been heard of one answer so far."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._texts: list[str] = []
        self._times: list[float] = []
        self._thoughts = 0
        self._usage = Usage()

    async def listen(self, events: AsyncGenerator[StreamEvent]) -> None:
        size = 0
        async for event in events:
            if isinstance(event, UsageReport):
                self._usage = self._usage.merge(event.usage)
            if not isinstance(event, TextDelta | ReasoningDelta):
                continue
            self._times.append(monotonic() - self._began)
            size += len(event.text)
            if isinstance(event, TextDelta):
                self._texts.append(event.text)
            else:
                self._thoughts += 1
            if size > MOST_TEXT:
                return

    def probe(self, error: AttemptFailed | None) -> Probe:
        counted = None not in {self._usage.input_tokens, self._usage.output_tokens}
        return Probe(
            text="".join(self._texts),
            thought=self._thoughts > 0,
            seconds=monotonic() - self._began,
            first_s=self._times[0] if self._times else None,
            spread_s=self._times[-1] - self._times[0] if self._times else 0.0,
            pieces=len(self._times),
            usage=self._usage if counted else None,
            error=error,
        )
