"""A completion in one straight line: gate, memory, wait, gather, ask, listen, clean, show.

Knows no protocol and no endpoint: a cursor comes in, an answer goes out, and an answer without a suggestion says why.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from beastmode.completion.cache import Answered, Cache, Hit
from beastmode.completion.candidates import candidates
from beastmode.completion.debounce import Debounce
from beastmode.completion.fim import context_tokens, request_for, window_for
from beastmode.completion.flights import Flight, Flights
from beastmode.completion.gate import Allowed, Trigger, refusal
from beastmode.completion.listening import Heard, listen
from beastmode.completion.multiline import is_multiline
from beastmode.completion.parts import NO_CONTEXT, Deaf
from beastmode.completion.postprocess import CURSOR_PIPELINE, from_model, run
from beastmode.completion.reasons import Reason, failed, filtered
from beastmode.completion.retyped import closes, retyped
from beastmode.completion.why import Asked, Told
from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.domain.errors import BeastModeError
from beastmode.domain.request import Task
from beastmode.domain.text import Suggestion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.completion.parts import CompletionSettingsLike, Context, Listener, RouterLike
    from beastmode.context.window import Window
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

PATIENCE_S = 1.0
"""Seconds after which a block is shown as far as its whole lines go. A model that takes longer for its first line is
waited for: one line late is worth more than none."""
AHEAD_S = 0.1
"""Seconds that a suggestion has to stand untouched before the one after it is fetched."""
TOLD = 20
"""Answers whose story can be told."""
EVERYTHING = Allowed()


@dataclass(frozen=True, slots=True)
class Answer:
    r"""What there is to show, or why there is nothing.

    Attributes:
        suggestions: best first; line ends are `\n`.
        reason: why there are none, '' otherwise; the words are in reasons.py.
        error: what the model's failure was, so that the status can say it once. Never raised to the editor.
        from_memory: no model was asked.
        asked: the question behind it.
    """

    suggestions: tuple[Suggestion, ...]
    reason: str
    error: BeastModeError | None = None
    from_memory: bool = False
    asked: Asked | None = None


class _Fitted(NamedTuple):
    """A text as it may stand at a place, which filter took all of it, and how much right of the cursor it replaces."""

    text: str
    taken_by: str
    replaced: int


class Engine:
    """Completes code at cursors.

    Args:
        router: asks the models.
        settings: the user's.
        clock: seconds, monotonic.
        selected: the model that a task's request would go to, None where there is none (`Registry.selected`).
        context: what other code there is to show; none by default.
        listener: is told what was shown and what was not.
        fetches_ahead: whether this model may be asked, now, for what nobody has asked for yet.
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
        context: Context = NO_CONTEXT,
        listener: Listener | None = None,
        fetches_ahead: Callable[[ModelSpec], bool] = lambda _model: False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._router = router
        self._settings = settings
        self._clock = clock
        self._selected = selected
        self._context = context
        self._listener = listener or Deaf()
        self._fetches_ahead = fetches_ahead
        self._sleep = sleep
        self._patience_s = patience_s
        self._debounce = Debounce(settings.debounce_max_ms / 1000)
        # One character more than can be shown: whether the text ends there shapes the prompt too.
        self._cache = Cache(reach=settings.suffix_tokens * BYTES_PER_TOKEN + 1)
        self._flights = Flights(self._leads_to)
        self._told: deque[Told] = deque(maxlen=TOLD)
        self._last_fitted: tuple[tuple[Answered, int, str, str], _Fitted] | None = None

    async def suggest(
        self, cursor: Cursor, *, explicit: bool, in_menu: bool = False, allowed: Allowed = EVERYTHING
    ) -> Answer:
        """What may stand at a cursor.

        A newer call for the same document ends an older one, whose caller gets `superseded`, unless the newer cursor
        was reached by typing what the model is just saying. Cancelling the calling task stops the model, too.

        Args:
            cursor: where.
            explicit: the user asked for it, as opposed to paused.
            in_menu: the editor's own completion menu is open.
            allowed: what the workspace leaves of the user's settings.
        """
        trigger = Trigger(explicit, in_menu, self._listener.rejected_here(cursor))
        model = self._selected(Task.INLINE)
        answer = await self._answer(cursor, trigger, model, allowed)
        told = Told(cursor, trigger, answer.suggestions, answer.reason, answer.error, answer.from_memory, answer.asked)
        if answer.reason != Reason.SUPERSEDED:
            self._told.append(told)
        self._listener.told(told, model.id if model else "")
        # Where it came from memory, what comes after it was fetched when it was new.
        if len(answer.suggestions) == 1 and model is not None and not answer.from_memory:
            self._fetch_ahead(cursor, answer.suggestions[0], model, local_only=allowed.local_only)
        return answer

    def typed(self) -> None:
        """A key came; what the user's pace is shapes how long a slow model is not asked."""
        self._debounce.typed(self._clock())

    def last(self, uri: str) -> Told | None:
        """The latest answer in a document, for `explain`."""
        return next((told for told in reversed(self._told) if told.cursor.uri == uri), None)

    def forget(self, uri: str) -> None:
        """A document was closed: stop its requests and drop what is remembered of it."""
        self._flights.forget(uri)
        self._cache.forget(uri)

    async def aclose(self) -> None:
        """Stop every request and wait until it has let go of its model."""
        await self._flights.aclose()

    async def _answer(self, cursor: Cursor, trigger: Trigger, model: ModelSpec | None, allowed: Allowed) -> Answer:
        settings, explicit, local_only = self._settings, trigger.explicit, allowed.local_only
        refused = refusal(
            cursor,
            trigger,
            enabled=settings.enabled and allowed.enabled,
            languages_off=allowed.languages_off.union(settings.languages_off),
        )
        if refused is not None or model is None:
            self._flights.supersede(cursor)
            return Answer((), refused or Reason.NO_MODEL)
        remembered = self._recall(cursor, model, from_memory=True)
        if remembered is not None and (remembered.suggestions or not explicit):
            self._flights.supersede(cursor, keep_ahead_of=_id(remembered))
            if not explicit or settings.candidates == 1:
                return remembered
            first, begun = _at_once(remembered), None
        else:
            flight = self._take_off(cursor, model, explicit=explicit, local_only=local_only)
            first, begun = self._land(flight, cursor, model, explicit=explicit, local_only=local_only), flight.begun
        if not explicit or settings.candidates == 1:
            return await first
        others = [
            self._another(cursor, model, nth, begun, local_only=local_only) for nth in range(1, settings.candidates)
        ]
        return await candidates(first, others, self._clock)

    def _take_off(self, cursor: Cursor, model: ModelSpec, *, explicit: bool, local_only: bool) -> Flight:
        """Ask the model, or go on listening to it where it is just saying this."""
        flight = self._flights.join(cursor)
        if flight is None:
            self._flights.supersede(cursor)
            flight = Flight(cursor)
            self._flights.start(flight, self._fly(flight, model, explicit=explicit, local_only=local_only))
        return flight

    async def _land(
        self, flight: Flight, cursor: Cursor, model: ModelSpec, *, explicit: bool, local_only: bool
    ) -> Answer:
        """Wait for an answer, and show what it says at this cursor."""
        if not await self._flights.wait(flight):
            return Answer((), Reason.SUPERSEDED)
        if flight.error is not None:
            return Answer((), failed(flight.error), flight.error)
        # Not from memory: whatever has changed elsewhere meanwhile, this is what was asked for.
        answered = flight.answered
        hit = self._cache.hit(answered, cursor, model, answered.place.context) if answered else None
        answer = None if hit is None else self._show(hit)
        if answer is None and not flight.is_at(cursor):
            # The model went on in another way than the user did.
            again = self._take_off(cursor, model, explicit=explicit, local_only=local_only)
            return await self._land(again, cursor, model, explicit=explicit, local_only=local_only)
        return answer or Answer((), Reason.TYPED)

    async def _fly(
        self, flight: Flight, model: ModelSpec, *, explicit: bool, local_only: bool, delay: float | None = None
    ) -> None:
        """Wait, gather, ask, listen, and remember the answer."""
        cursor, heard = flight.cursor, flight.heard
        if delay is None:
            delay = self._debounce.delay(model.id, explicit=explicit)
        if delay:
            await self._sleep(delay)
        if flight.ahead_of and not self._fetches_ahead(model):
            return
        state = self._context.state(cursor.uri)
        shown = window_for(cursor, self._settings, model)
        asked = await self._question(cursor, shown, model, local_only=local_only)
        flight.place = self._cache.place(cursor, model, shown.prefix, state)
        flight.begun.set()
        began = self._clock()
        waits = explicit or not is_multiline(cursor)
        patient_until = began + self._patience_s
        try:
            await listen(
                self._router.stream(asked.request),
                heard,
                cursor,
                lambda: not waits and self._clock() > patient_until,
            )
        except asyncio.CancelledError:
            self._debounce.gave_up(model.id, self._clock() - began)
            raise
        except BeastModeError as error:
            flight.error = error
            return
        took = self._clock() - began
        self._debounce.answered(model.id, took)
        asked = replace(asked, delay_s=delay, answer_s=took, said=heard.text, is_cut=heard.is_cut)
        text, taken_by = from_model(heard.text, cursor, cut=heard.is_cut)
        flight.answered = Answered(flight.place, text, _why_empty(text, taken_by), heard.id, heard.model, asked)
        self._cache.put(flight.answered)

    async def _question(self, cursor: Cursor, shown: Window, model: ModelSpec, *, local_only: bool) -> Asked:
        """The request, with what the sources of context have to add."""
        gathered = await self._context.gather(cursor, shown, context_tokens(self._settings, model))
        request = request_for(
            cursor,
            shown,
            self._settings,
            model,
            path=self._context.relative(cursor.path),
            snippets=gathered.snippets,
            local_only=local_only,
        )
        return Asked(cursor, request, gathered.left_out, 0.0, 0.0)

    async def _another(
        self, cursor: Cursor, model: ModelSpec, nth: int, begun: asyncio.Event | None, *, local_only: bool
    ) -> Answer:
        """One more answer to the same question, the more daring the higher its number, asked after the first one."""
        if begun is not None:
            await begun.wait()
        shown = window_for(cursor, self._settings, model)
        asked = await self._question(cursor, shown, model, local_only=local_only)
        request = replace(asked.request, temperature=min(1.0, 0.3 + 0.25 * nth))
        heard = Heard()
        try:
            await listen(self._router.stream(request), heard, cursor, lambda: False)
        except BeastModeError as error:
            return Answer((), failed(error), error)
        text, taken_by = from_model(heard.text, cursor, cut=heard.is_cut)
        place = self._cache.place(cursor, model, "")
        answered = Answered(place, text, _why_empty(text, taken_by), heard.id, heard.model, asked)
        return self._show(Hit(answered, cursor)) or Answer((), Reason.EMPTY)

    def _fetch_ahead(self, cursor: Cursor, suggestion: Suggestion, model: ModelSpec, *, local_only: bool) -> None:
        """Ask for what comes after a suggestion, as if it were accepted already."""
        if not self._fetches_ahead(model):
            return
        after = _accepted(cursor, suggestion)
        if self._recall(after, model) is None and self._flights.join(after) is None:
            self._flights.supersede(cursor)
            flight = Flight(after, ahead_of=suggestion.id)
            self._flights.start(flight, self._fly(flight, model, explicit=False, local_only=local_only, delay=AHEAD_S))

    def _leads_to(self, flight: Flight, cursor: Cursor) -> bool:
        """Whether what a flight has heard agrees with all that was typed since it was asked, and goes on."""
        if flight.place is None:
            return not flight.ahead_of and flight.is_at(cursor)
        so_far = Answered(flight.place, flight.heard.text, "", flight.heard.id, flight.heard.model)
        hit = self._cache.hit(so_far, cursor, flight.place.asked, self._context.state(cursor.uri))
        return hit is not None and (not hit.typed or len(flight.heard.text) > len(hit.typed))

    def _recall(self, cursor: Cursor, model: ModelSpec, *, from_memory: bool = False) -> Answer | None:
        """What is remembered for this cursor."""
        hit = self._cache.find(cursor, model, self._context.state(cursor.uri))
        return None if hit is None else self._show(hit, from_memory=from_memory)

    def _show(self, hit: Hit, *, from_memory: bool = False) -> Answer | None:
        """What is left of an answer at today's cursor; None where all of it was typed already."""
        answered, typed = hit.answered, hit.typed
        whole, taken_by, replaced = self._fitted(answered, hit.anchor)
        rest = whole[len(typed) :] if whole.startswith(typed) else ""
        if not rest.strip():
            reason = answered.reason or _why_empty("", taken_by)
            return None if typed else Answer((), reason, from_memory=from_memory, asked=answered.asked)
        if hit.closers:
            replaced = len(hit.closers) + replaced if closes(rest, typed, hit.closers) else 0
        suggestion = Suggestion(answered.id, rest, answered.model, replaced)
        return Answer((suggestion,), "", from_memory=from_memory, asked=answered.asked)

    def _fitted(self, answered: Answered, anchor: Cursor) -> _Fitted:
        """An answer's text as it fits where it was asked for; while it is typed through, that place stays the same."""
        key = (answered, anchor.line, anchor.before, anchor.after)
        if self._last_fitted is None or self._last_fitted[0] != key:
            whole, taken_by = run(CURSOR_PIPELINE, answered.text, anchor)
            self._last_fitted = (key, _Fitted(whole, taken_by, retyped(whole, anchor)))
        return self._last_fitted[1]


async def _at_once(answer: Answer) -> Answer:
    return answer


def _id(answer: Answer) -> str:
    return answer.suggestions[0].id if answer.suggestions else ""


def _accepted(cursor: Cursor, suggestion: Suggestion) -> Cursor:
    """The cursor behind a suggestion that was taken."""
    lines = suggestion.text.split("\n")
    column = len(lines[-1]) + (cursor.column if len(lines) == 1 else 0)
    return replace(
        cursor,
        line=cursor.line + len(lines) - 1,
        column=column,
        before=cursor.before + suggestion.text,
        after=cursor.after[suggestion.replace_after :],
    )


def _why_empty(text: str, taken_by: str) -> str:
    if text:
        return ""
    return filtered(taken_by) if taken_by else Reason.EMPTY
