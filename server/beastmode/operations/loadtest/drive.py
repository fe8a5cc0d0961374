"""Sends the requests of a load test and notes when what happened; the times are those of the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.domain.errors import AttemptFailed, BeastModeError, UserError
from beastmode.domain.response import StreamEvent, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.operations.loadtest.load import MOST_AT_ONCE
from beastmode.operations.loadtest.measure import Sample
from beastmode.operations.table import printable
from beastmode.router.complexity import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.operations.loadtest.load import Load

Ask = Callable[[int], AsyncGenerator[StreamEvent]]
"""The answer to the request of that number; raises AttemptFailed, or any other error of ours to end the test."""
Say = Callable[[str, float | None], None]

HOPELESS = 10
"""Where the first so many all fail, nothing is learned from more of them."""


@dataclass(slots=True)
class Stage:
    """One step of a test: how many callers there were, or requests a second, and what became of each request.

    `stopped` says why it ended before its time; '' where it did not.
    """

    concurrency: int | None
    rate: float | None
    samples: list[Sample] = field(default_factory=list)
    stopped: str = ""


class Driver:
    """Runs one test.

    Args:
        load: what is to be sent.
        ask: sends one request.
        say: told what is being done, and the part of it that is done.
    """

    def __init__(self, load: Load, ask: Ask, say: Say) -> None:
        self._load = load
        self._ask = ask
        self._say = say
        self._numbers = iter(range(load.total))
        self._done = 0
        self._failed = 0
        self._error: BeastModeError | None = None

    async def run(self) -> list[Stage]:
        """All steps, one after the other; a step that had to be stopped is the last one.

        Raises:
            UserError: none of the first requests was answered.
        """
        load, stages = self._load, []
        self._say("Warming up", 0.0)
        for number in self._take(load.warm_up):
            await self._one(number, self._now(), self._now())
        if load.rate is not None:
            stages.append(Stage(None, load.rate))
            await self._open(stages[-1], load.rate)
        else:
            for concurrency in load.concurrency:
                stages.append(Stage(concurrency, None))
                await self._closed(stages[-1], concurrency)
                if self._error is not None:
                    break
        if self._error is not None:
            stages[-1].stopped = self._error.message
        answered = any(sample.error is None for stage in stages for sample in stage.samples)
        if self._error is not None and not answered:
            raise self._error
        return stages

    async def _closed(self, stage: Stage, concurrency: int) -> None:
        """Callers that wait for their answers."""
        numbers, began = self._take(self._load.requests), self._now()

        async def caller() -> None:
            for number in numbers:
                sent = self._now()
                await self._note(stage, number, began, sent)
                if self._error is not None:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(caller())

    async def _open(self, stage: Stage, rate: float) -> None:
        """Requests at fixed moments: a stall of the endpoint, or of this program, holds none of them back."""
        began = self._now()
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            for place, number in enumerate(self._take(self._load.arrivals)):
                intended = began + place / rate
                await asyncio.sleep(max(intended - self._now(), 0))
                if self._error is not None:
                    break
                if len(under_way) >= MOST_AT_ONCE:
                    self._error = UserError(
                        f"{len(under_way):,} requests are unanswered, so no more are sent", "Test a lower rate"
                    )
                    break
                task = group.create_task(self._note(stage, number, began, intended))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

    async def _note(self, stage: Stage, number: int, began: float, intended: float) -> None:
        sample = await self._one(number, began, intended)
        if sample is None:
            return
        stage.samples.append(sample)
        self._done += 1
        self._failed += sample.error is not None
        if self._failed == self._done == HOPELESS and self._error is None:
            self._error = UserError(f"The first {HOPELESS} requests all failed: {sample.message}", "Mend that first")
        name = f"{stage.concurrency} at once" if stage.rate is None else f"{stage.rate:g} a second"
        self._say(f"Testing, {name}", self._done / max(self._load.total - self._load.warm_up, 1))

    async def _one(self, number: int, began: float, intended: float) -> Sample | None:
        """One request; None where it was not sent, because the test has to end."""
        sent, first, usage, characters = self._now(), None, Usage(), 0
        error = message = ""
        try:
            async with aclosing(self._ask(number)) as events:
                async for event in events:
                    if isinstance(event, UsageReport):
                        usage = usage.merge(event.usage)
                    elif isinstance(event, TextDelta):
                        first = self._now() if first is None else first
                        characters += len(event.text)
        except AttemptFailed as failed:
            error, message = failed.kind, printable(failed.message)
        except BeastModeError as ended:  # a cap of the user's: nothing more may be sent
            self._error = self._error or ended
            return None
        counted = usage.output_tokens
        return Sample(
            intended_s=intended - began,
            sent_s=sent - began,
            first_s=None if first is None else first - began,
            ended_s=self._now() - began,
            output_tokens=tokens(characters) if counted is None else counted,
            estimated=counted is None,
            error=error or None,
            message=message,
        )

    def _take(self, count: int) -> Iterator[int]:
        return (next(self._numbers) for _ in range(count))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
