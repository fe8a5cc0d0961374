"""A completion in one straight line: gate, memory, take off, land, show. What happens between is asking.py.

Knows no protocol and no endpoint: a cursor comes in, an answer goes out, and an answer without a suggestion says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from beastmode.completion.asking import PATIENCE_S, Asking
from beastmode.completion.cache import Answered, Cache
from beastmode.completion.candidates import candidates
from beastmode.completion.flights import Flight, Flights, Question
from beastmode.completion.gate import Allowed, Trigger, refusal
from beastmode.completion.parts import NO_CONTEXT, Deaf
from beastmode.completion.postprocess import CURSOR_PIPELINE, run
from beastmode.completion.reasons import Reason, failed, why_empty
from beastmode.completion.retyped import closes, retyped
from beastmode.completion.why import Told
from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.domain.errors import where
from beastmode.domain.request import Task
from beastmode.domain.text import Suggestion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.completion.cache import Hit
    from beastmode.completion.parts import CompletionSettingsLike, Context, Listener, RouterLike
    from beastmode.completion.why import Asked
    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

TOLD = 20
"""Answers whose story can be told."""
EVERYTHING = Allowed()

_log = logging.getLogger(__name__)


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
        self._settings = settings
        self._selected = selected
        self._clock = clock
        self._context = context
        self._listener = listener or Deaf()
        self._fetches_ahead = fetches_ahead
        # One character more than can be shown: whether the text ends there shapes the prompt too.
        self._cache = Cache(reach=settings.suffix_tokens * BYTES_PER_TOKEN + 1)
        self._asking = Asking(
            router,
            settings,
            clock,
            context=context,
            cache=self._cache,
            fetches_ahead=fetches_ahead,
            sleep=sleep,
            patience_s=patience_s,
        )
        self._flights = Flights(self._leads_to)
        self._told: deque[Told] = deque(maxlen=TOLD)
        self._last_fitted: tuple[tuple[Answered, int, str, str], _Fitted] | None = None
        self._defects: set[str] = set()

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
        try:
            answer = await self._answer(cursor, trigger, model, allowed)
        except Exception as error:  # noqa: BLE001 - a defect costs one suggestion, not a message of the editor's a key
            answer = self._broken(error)
        told = Told(cursor, trigger, answer.suggestions, answer.reason, answer.error, answer.from_memory, answer.asked)
        if answer.reason != Reason.SUPERSEDED:
            self._told.append(told)
        self._listener.told(told, model.id if model else "")
        # Where it came from memory, what comes after it was fetched when it was new.
        if len(answer.suggestions) == 1 and model is not None and not answer.from_memory:
            self._fetch_ahead(Question(cursor, model, local_only=allowed.local_only), answer.suggestions[0])
        return answer

    def typed(self) -> None:
        """A key came; what the user's pace is shapes how long a slow model is not asked."""
        self._asking.typed()

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
        settings = self._settings
        refused = refusal(
            cursor,
            trigger,
            enabled=settings.enabled and allowed.enabled,
            languages_off=allowed.languages_off.union(settings.languages_off),
        )
        if refused is not None or model is None:
            self._flights.supersede(cursor)
            return Answer((), refused or Reason.NO_MODEL)
        question = Question(cursor, model, trigger.explicit, allowed.local_only)
        remembered = self._recall(cursor, model, from_memory=True)
        if remembered is not None and (remembered.suggestions or not trigger.explicit):
            self._flights.supersede(cursor, keep_ahead_of=_id(remembered))
            first = _at_once(remembered)
        else:
            first = self._land(self._take_off(question), question)
        if not trigger.explicit or settings.candidates == 1:
            return await first
        others = [replace(question, nth=nth) for nth in range(1, settings.candidates)]
        flights = [self._flights.join(each) or self._start(each) for each in others]
        return await candidates(first, list(map(self._land, flights, others)), self._clock)

    def _take_off(self, question: Question) -> Flight:
        """Ask the model, or go on listening to it where it is just saying this."""
        flight = self._flights.join(question)
        if flight is None:
            self._flights.supersede(question.cursor)
            return self._start(question)
        flight.joined, flight.is_urgent = question.cursor, flight.is_urgent or question.explicit
        return flight

    def _start(self, question: Question, ahead_of: str = "") -> Flight:
        flight = Flight(question, ahead_of, is_urgent=question.explicit)
        return self._flights.start(flight, self._asking.fly(flight))

    async def _land(self, flight: Flight, question: Question) -> Answer:
        """Wait for an answer, and show what it says at this cursor."""
        if not await self._flights.wait(flight):
            return Answer((), Reason.SUPERSEDED)
        if flight.error is not None:
            return Answer((), failed(flight.error), flight.error)
        # Not from memory: whatever has changed elsewhere meanwhile, this is what was asked for.
        cursor, answered = question.cursor, flight.answered
        hit = self._cache.hit(answered, cursor, question.model, answered.place.context) if answered else None
        answer = None if hit is None else self._show(hit)
        if answer is None and not flight.is_at(cursor):
            # The model went on in another way than the user did.
            return await self._land(self._take_off(question), question)
        return answer or Answer((), Reason.TYPED)

    def _fetch_ahead(self, question: Question, suggestion: Suggestion) -> None:
        """Ask for what comes after a suggestion, as if it were accepted already."""
        if not self._fetches_ahead(question.model):
            return
        after = replace(question, cursor=_accepted(question.cursor, suggestion))
        if self._recall(after.cursor, after.model) is None and self._flights.join(after) is None:
            self._flights.supersede(question.cursor)
            self._start(after, ahead_of=suggestion.id)

    def _leads_to(self, flight: Flight, question: Question) -> bool:
        """Whether what a flight has heard agrees with all that was typed since it was asked, and goes on."""
        if flight.place is None:
            # It may still be waiting for the next key, which a user who asks does not.
            in_time = flight.is_urgent or not question.explicit
            return in_time and not flight.ahead_of and flight.is_at(question.cursor)
        so_far = Answered(flight.place, flight.heard.text, "", flight.heard.id, flight.heard.model)
        hit = self._cache.hit(so_far, question.cursor, question.model, self._context.state(question.cursor.uri))
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
            reason = answered.reason or why_empty("", taken_by)
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

    def _broken(self, error: Exception) -> Answer:
        """Into the log once a place; the error's own words may quote the user's code and stay out of it."""
        defect = f"{type(error).__name__} in {where(error)}"
        if defect not in self._defects:
            self._defects.add(defect)
            _log.error("A suggestion failed: %s", defect)
        return Answer((), Reason.INTERNAL)


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
