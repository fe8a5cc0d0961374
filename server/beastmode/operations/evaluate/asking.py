"""Asks one model through the real router, keeps what it said, and never asks the same twice.

An engine gets an `Asking` in the place of the router. What was asked before to the letter is answered from memory: the
engine without a source that had nothing to say asks exactly what the whole engine asked.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import ModelUnavailable
from beastmode.domain.request import Task
from beastmode.domain.response import Finished, Started, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.router.complexity import length, tokens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import FimRequest
    from beastmode.domain.response import FinishReason, StreamEvent


class RouterLike(Protocol):
    """What is needed of the router."""

    def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a model answered, as far as anybody listened.

    Attributes:
        finish: why it ended; None where it was hung up on.
        usage: tokens; counted by us, and `estimated`, where the endpoint did not report both.
        first_token_s, total_s: seconds from the question to the first text (None: there was none) and to the end.
    """

    text: str
    finish: FinishReason | None
    usage: Usage
    estimated: bool
    first_token_s: float | None
    total_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its answer; `key` is the same for the same question to the same model."""

    key: str
    request: FimRequest
    said: Said
    replayed: bool


class Asking:
    """A router for one model; not for two tasks at once.

    Args:
        router: the real one.
        model: who is to answer.
        memory: answers by key; new ones are added.
        code: of what turns a request into what is sent.

    Attributes:
        asked: questions since `asked` was last cleared, in the order of their answers.
    """

    def __init__(self, router: RouterLike, model: ModelSpec, memory: dict[str, Said], code: str = "") -> None:
        self._router = router
        self._code = code
        self._model = model
        self._memory = memory
        self.asked: list[Asked] = []

    def selected(self, _task: Task) -> ModelSpec:
        """The model, whatever for; the engine asks this."""
        return self._model

    async def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes, or as it once came; raises as the router does.

        The ledger has these questions as probes: they say nothing about the user's own work, cannot be answered from
        the router's memory, and are not raced against a second model.

        Raises:
            ModelUnavailable: another model has stepped in.
        """
        request = replace(request, model=self._model.id, task=Task.PROBE)
        key = hashlib.sha256(repr((self._code, request, self._model)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        known = self._memory.get(key)
        if known is not None:
            self.asked.append(Asked(key, request, known, replayed=True))
            yield Started(self._model.id, key)
            yield TextDelta(known.text)
            if known.finish is not None:
                yield Finished(known.finish)
            return
        hearing = _Hearing(request)
        try:
            async with aclosing(self._router.stream(request)) as events:
                async for event in events:
                    hearing.hear(event)
                    if isinstance(event, Started) and event.model != self._model.id:
                        raise ModelUnavailable(
                            f"{self._model.id} did not answer, and {event.model} stepped in",
                            f"Look at `beastmode ledger tail`, or try `beastmode models test {self._model.id}`",
                        )
                    yield event
                    if isinstance(event, Finished):
                        break
        except GeneratorExit:  # the engine has heard enough: as good as an end
            self._keep(key, request, hearing.said())
            raise
        self._keep(key, request, hearing.said())

    def _keep(self, key: str, request: FimRequest, said: Said) -> None:
        self._memory[key] = said
        self.asked.append(Asked(key, request, said, replayed=False))


class _Hearing:
    """An answer while it comes."""

    def __init__(self, request: FimRequest) -> None:
        self._request = request
        self._began = monotonic()
        self._first: float | None = None
        self._text: list[str] = []
        self._usage = Usage()
        self._finish: FinishReason | None = None

    def hear(self, event: StreamEvent) -> None:
        """Take note of an event."""
        match event:
            case TextDelta():
                self._first = monotonic() - self._began if self._first is None else self._first
                self._text.append(event.text)
            case UsageReport():
                self._usage = self._usage.merge(event.usage)
            case Finished():
                self._finish = event.reason
            case _:
                pass

    def said(self) -> Said:
        """All that was heard."""
        text, usage = "".join(self._text), self._usage
        estimated = None in {usage.input_tokens, usage.output_tokens}
        if estimated:
            usage = Usage(tokens(length(self._request)), tokens(len(text))).merge(usage)
        return Said(text, self._finish, usage, estimated, self._first, monotonic() - self._began)
