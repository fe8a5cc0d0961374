"""What a question goes through on its way to a model and back: wait, gather, ask, listen, clean, remember."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.completion.cache import Answered
from beastmode.completion.debounce import Debounce
from beastmode.completion.fim import context_tokens, request_for, window_for
from beastmode.completion.listening import listen
from beastmode.completion.multiline import is_multiline
from beastmode.completion.postprocess import from_model
from beastmode.completion.reasons import why_empty
from beastmode.completion.why import Asked
from beastmode.domain.errors import BeastModeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.completion.cache import Cache
    from beastmode.completion.flights import Flight, Question
    from beastmode.completion.parts import CompletionSettingsLike, Context, RouterLike
    from beastmode.context.window import Window
    from beastmode.domain.model import ModelSpec

PATIENCE_S = 1.0
"""Seconds after which a block is shown as far as its whole lines go. A model that takes longer for its first line is
waited for: one line late is worth more than none."""
AHEAD_S = 0.1
"""Seconds that a suggestion has to stand untouched before the one after it is fetched."""
DARING, MORE_DARING = 0.3, 0.25
"""The temperature of the second answer to a question is their sum, that of each further one so much higher."""


class Asking:
    """Asks models, for flights.

    Args:
        router: asks the models.
        settings: the user's.
        clock: seconds, monotonic.
        context: what other code there is to show.
        cache: where answers are remembered.
        fetches_ahead: whether this model may be asked, now, for what nobody has asked for yet.
        sleep: waits for that many seconds.
        patience_s: see `PATIENCE_S`; does not apply to a user who asked.
    """

    def __init__(
        self,
        router: RouterLike,
        settings: CompletionSettingsLike,
        clock: Callable[[], float],
        *,
        context: Context,
        cache: Cache,
        fetches_ahead: Callable[[ModelSpec], bool],
        sleep: Callable[[float], Awaitable[None]],
        patience_s: float,
    ) -> None:
        self._router = router
        self._settings = settings
        self._clock = clock
        self._context = context
        self._cache = cache
        self._fetches_ahead = fetches_ahead
        self._sleep = sleep
        self._patience_s = patience_s
        self._debounce = Debounce(settings.debounce_max_ms / 1000)

    def typed(self) -> None:
        """A key came."""
        self._debounce.typed(self._clock())

    async def fly(self, flight: Flight) -> None:
        """Take a flight to its end: fills in its `place`, what is `heard`, then `answered` or `error`."""
        question, heard = flight.question, flight.heard
        cursor, model = question.cursor, question.model
        delay = AHEAD_S if flight.ahead_of else self._debounce.delay(model.id, explicit=question.explicit)
        if delay:
            await self._sleep(delay)
        if flight.ahead_of and not self._fetches_ahead(model):
            return
        state = self._context.state(cursor.uri)
        shown = window_for(cursor, self._settings, model)
        asked = await self._asked(question, shown)
        flight.place = self._cache.place(cursor, model, shown.prefix, state)
        began = self._clock()
        may_be_cut = is_multiline(cursor)

        def out_of_patience() -> bool:
            return may_be_cut and not flight.is_urgent and self._clock() - began > self._patience_s

        try:
            await listen(self._router.stream(asked.request), heard, cursor, out_of_patience)
        except asyncio.CancelledError:
            self._debounce.gave_up(model.id, self._clock() - began)
            raise
        except BeastModeError as error:
            flight.error = error
            return
        took = self._clock() - began
        asked = replace(asked, delay_s=delay, answer_s=took, said=heard.text, is_cut=heard.is_cut)
        text, taken_by = from_model(heard.text, cursor, cut=heard.is_cut)
        flight.answered = Answered(flight.place, text, why_empty(text, taken_by), heard.id, heard.model, asked)
        if not question.nth:
            self._debounce.answered(model.id, took)
            self._cache.put(flight.answered)

    async def _asked(self, question: Question, shown: Window) -> Asked:
        """The request, with what the sources of context have to add."""
        cursor, model = question.cursor, question.model
        gathered = await self._context.gather(cursor, shown, context_tokens(self._settings, model))
        request = request_for(
            cursor,
            shown,
            self._settings,
            model,
            path=self._context.relative(cursor.path),
            snippets=gathered.snippets,
            local_only=question.local_only,
        )
        if question.nth:
            request = replace(request, temperature=min(1.0, DARING + MORE_DARING * question.nth))
        return Asked(cursor, request, gathered.left_out, 0.0, 0.0)
