"""A completion in one straight line: gate, cache, wait, ask, listen, clean, show.

Knows no protocol and no endpoint: a cursor comes in, an answer goes out, and an answer without a suggestion says why.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from beastmode.completion.cache import Answered, Cache, Hit
from beastmode.completion.debounce import Debounce
from beastmode.completion.fim import Budget, is_multiline, request_for
from beastmode.completion.gate import refusal
from beastmode.completion.postprocess import CURSOR_PIPELINE, from_model, is_settled, run
from beastmode.completion.reasons import Reason, failed, filtered
from beastmode.completion.retyped import closes, retyped
from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.domain.errors import BeastModeError
from beastmode.domain.request import Task
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta
from beastmode.domain.text import Suggestion

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import FimRequest
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.text import Cursor

PATIENCE_S = 1.0
"""Seconds after which a block is shown as far as its whole lines go. A model that takes longer for its first line is
waited for: one line late is worth more than none."""
LONGEST_ANSWER = 4000
"""Characters, for endpoints that ignore `max_tokens`."""


class RouterLike(Protocol):
    """What the engine needs of the router."""

    def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes; closing the generator stops the model."""
        ...


class CompletionSettingsLike(Budget, Protocol):
    """What the engine needs of the settings."""

    @property
    def enabled(self) -> bool:
        """Whether to suggest anything at all."""
        ...

    @property
    def debounce_max_ms(self) -> int:
        """The longest wait for the next keystroke."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    r"""What there is to show, or why there is nothing.

    Attributes:
        suggestions: best first; line ends are `\n`.
        reason: why there are none, '' otherwise; the words are in reasons.py.
        error: what the model's failure was, so that the status can say it once. Never raised to the editor.
        from_memory: no model was asked.
    """

    suggestions: tuple[Suggestion, ...]
    reason: str
    error: BeastModeError | None = None
    from_memory: bool = False


@dataclass(slots=True)
class _Heard:
    """An answer while it comes in."""

    text: str = ""
    model: str = ""
    id: str = ""
    is_cut: bool = False


class Engine:
    """Completes code at cursors; one request a document at a time.

    Args:
        router: asks the models.
        settings: the user's.
        clock: seconds, monotonic.
        selected: the model that a task's request would go to, None where there is none (`Registry.selected`).
        sleep: waits for that many seconds.
        patience_s: see `PATIENCE_S`; does not apply to a user who asked.
    """

    def __init__(
        self,
        router: RouterLike,
        settings: CompletionSettingsLike,
        clock: Callable[[], float],
        selected: Callable[[Task], ModelSpec | None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._router = router
        self._settings = settings
        self._clock = clock
        self._selected = selected
        self._sleep = sleep
        self._patience_s = patience_s
        self._debounce = Debounce(settings.debounce_max_ms / 1000)
        # One character more than can be shown: whether the text ends there shapes the prompt too.
        self._cache = Cache(reach=settings.suffix_tokens * BYTES_PER_TOKEN + 1)
        self._running: dict[str, asyncio.Task[Answer]] = {}

    async def suggest(self, cursor: Cursor, *, explicit: bool, local_only: bool = False) -> Answer:
        """What may stand at a cursor.

        A newer call for the same document ends an older one, whose caller gets `superseded`. Cancelling the calling
        task stops the model, too.

        Args:
            cursor: where.
            explicit: the user asked for it, as opposed to paused.
            local_only: nothing of the document may leave this machine.
        """
        self._supersede(cursor.uri)
        refused = refusal(cursor, enabled=self._settings.enabled, explicit=explicit)
        if refused is not None:
            return Answer((), refused)
        model = self._selected(Task.INLINE)
        if model is None:
            return Answer((), Reason.NO_MODEL)
        hit = self._cache.find(cursor, model)
        remembered = None if hit is None else self._show(hit, from_memory=True)
        if remembered is not None and (remembered.suggestions or not explicit):
            return remembered
        asking = self._ask(cursor, model, explicit=explicit, local_only=local_only)
        return await self._supersedable(cursor.uri, asking)

    def forget(self, uri: str) -> None:
        """A document was closed: stop its request and drop what is remembered of it."""
        self._supersede(uri)
        self._cache.forget(uri)

    async def aclose(self) -> None:
        """Stop every request and wait until it has let go of its model."""
        tasks = list(self._running.values())
        for uri in list(self._running):
            self._supersede(uri)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _supersede(self, uri: str) -> None:
        older = self._running.pop(uri, None)
        if older is not None:
            older.cancel()

    async def _supersedable(self, uri: str, asking: Coroutine[None, None, Answer]) -> Answer:
        task = self._running[uri] = asyncio.create_task(asking)
        try:
            return await task
        except asyncio.CancelledError:
            was_superseded = self._running.get(uri) is not task
            caller = asyncio.current_task()
            if was_superseded and not (caller and caller.cancelling()):
                return Answer((), Reason.SUPERSEDED)
            raise
        finally:
            if self._running.get(uri) is task:
                del self._running[uri]

    async def _ask(self, cursor: Cursor, model: ModelSpec, *, explicit: bool, local_only: bool) -> Answer:
        delay = self._debounce.delay(model.id, explicit=explicit)
        if delay:
            await self._sleep(delay)
        request = request_for(cursor, self._settings, model, local_only=local_only)
        began = self._clock()
        try:
            heard = await self._listen(request, cursor, began + self._patience_s, explicit=explicit)
        except asyncio.CancelledError:
            self._debounce.gave_up(model.id, self._clock() - began)
            raise
        except BeastModeError as error:
            return Answer((), failed(error), error)
        self._debounce.answered(model.id, self._clock() - began)
        text, taken_by = from_model(heard.text, cursor, cut=heard.is_cut)
        place = self._cache.place(cursor, model, request.prefix)
        answered = Answered(place, text, _why_empty(text, taken_by), heard.id, heard.model)
        self._cache.put(answered)
        return self._show(Hit(answered, cursor)) or Answer((), Reason.EMPTY)

    async def _listen(self, request: FimRequest, cursor: Cursor, patient_until: float, *, explicit: bool) -> _Heard:
        """Read the answer until the rest of it would be thrown away."""
        heard = _Heard()
        waits = explicit or not is_multiline(cursor)
        async with aclosing(self._router.stream(request)) as events:
            async for event in events:
                match event:
                    case Started():
                        heard.model, heard.id = event.model, event.request_id
                    case TextDelta():
                        heard.text += event.text
                        if "\n" in event.text and is_settled(heard.text, cursor):
                            break
                        late = not waits and self._clock() > patient_until
                        heard.is_cut = len(heard.text) > LONGEST_ANSWER or (late and _has_line(heard.text))
                        if heard.is_cut:
                            break
                    case Finished():
                        heard.is_cut = event.reason is FinishReason.LENGTH
                        break
                    case _:
                        pass
        return heard

    def _show(self, hit: Hit, *, from_memory: bool = False) -> Answer | None:
        """What is left of an answer at today's cursor; None where all of it was typed already."""
        answered, typed = hit.answered, hit.typed
        whole, taken_by = run(CURSOR_PIPELINE, answered.text, hit.anchor)
        rest = whole[len(typed) :] if whole.startswith(typed) else ""
        if not rest.strip():
            reason = answered.reason or _why_empty("", taken_by)
            return None if typed else Answer((), reason, from_memory=from_memory)
        replaced = retyped(whole, hit.anchor)
        if hit.closers:
            replaced = len(hit.closers) + replaced if closes(rest, typed, hit.closers) else 0
        suggestion = Suggestion(answered.id, rest, answered.model, replaced)
        return Answer((suggestion,), "", from_memory=from_memory)


def _why_empty(text: str, taken_by: str) -> str:
    if text:
        return ""
    return filtered(taken_by) if taken_by else Reason.EMPTY


def _has_line(text: str) -> bool:
    return bool(text[: text.rfind("\n") + 1].strip())
