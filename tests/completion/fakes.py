"""A scripted router, a clock that is moved by hand, and what else an engine is made of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.completion.engine import Engine
from beastmode.completion.parts import NO_CONTEXT
from beastmode.domain.model import ModelSpec
from beastmode.domain.response import Finished, FinishReason, Started, StreamEvent, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from beastmode.completion.parts import Context, Listener
    from beastmode.domain.request import FimRequest, Task

MODEL = ModelSpec("custom:m", "M", "ollama", "http://127.0.0.1:1/v1", "m", None, "openai-completions")


@dataclass(frozen=True)
class Settings:
    """The settings an engine needs."""

    enabled: bool = True
    max_tokens: int = 64
    multiline_max_tokens: int = 96
    debounce_max_ms: int = 300
    prefix_tokens: int = 1024
    suffix_tokens: int = 64
    context_tokens: int = 256
    languages_off: tuple[str, ...] = ()
    candidates: int = 1


@dataclass
class Clock:
    """Time that only passes when somebody sleeps or a script says so."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Wait:
    """A step of a script: that many seconds pass."""

    seconds: float


Step = str | Wait | Exception | asyncio.Event | FinishReason


@dataclass
class ScriptedRouter:
    """Plays scripts: text, waits, errors, events to wait for, a reason to finish. The last script goes on for ever."""

    clock: Clock
    scripts: list[Sequence[Step]]
    requests: list[FimRequest] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)
    """For each request, whether its generator has ended, by whatever way."""

    async def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The next script as events."""
        number = len(self.requests)
        self.requests.append(request)
        self.closed.append(False)
        script = self.scripts[min(number, len(self.scripts) - 1)]
        try:
            yield Started("custom:m", f"request-{number}")
            for step in script:
                match step:
                    case Wait():
                        self.clock.now += step.seconds
                    case asyncio.Event():
                        await step.wait()
                    case Exception():
                        raise step
                    case FinishReason():
                        yield Finished(step)
                        return
                    case str():
                        yield TextDelta(step)
            yield Finished(FinishReason.STOP)
        finally:
            self.closed[number] = True


def selected(_task: Task) -> ModelSpec | None:
    """The one model."""
    return MODEL


def build(
    *scripts: Sequence[Step],
    settings: Settings | None = None,
    clock: Clock | None = None,
    context: Context = NO_CONTEXT,
    listener: Listener | None = None,
    fetches_ahead: bool = False,
) -> tuple[Engine, ScriptedRouter, Clock]:
    """An engine on a scripted router."""
    clock = clock or Clock()
    router = ScriptedRouter(clock, list(scripts) or [()])
    engine = Engine(
        router,
        settings or Settings(),
        clock,
        selected,
        context=context,
        listener=listener,
        fetches_ahead=lambda _model: fetches_ahead,
        sleep=clock.sleep,
    )
    return engine, router, clock
