"""Passes on what the engine told an editor: what was shown, why nothing was, and whether memory knew it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.completion.reasons import Reason

if TYPE_CHECKING:
    from beastmode.completion.feedback import Feedback
    from beastmode.completion.why import Told
    from beastmode.domain.text import Cursor

NOT_LOOKED_UP = frozenset(
    {
        Reason.DISABLED,
        Reason.LANGUAGE,
        Reason.SENSITIVE,
        Reason.NOTHING_BEFORE,
        Reason.TEXT_AFTER,
        Reason.IN_WORD,
        Reason.MENU,
        Reason.REJECTED,
        Reason.NO_MODEL,
    }
)
"""Reasons for which memory was not even asked."""


class TallyLike(Protocol):
    """Where things are counted: `ledger.tally.Tally`."""

    def silent(self, reason: str, model: str, language: str, *, explicit: bool) -> None:
        """An answer was empty."""
        ...

    def cached(self, *, hit: bool, model: str, language: str, explicit: bool) -> None:
        """Memory was asked."""
        ...


class Audience:
    """The engine's listener.

    Args:
        feedback: follows what was shown.
        tally: counts the rest.
    """

    def __init__(self, feedback: Feedback, tally: TallyLike) -> None:
        self._feedback = feedback
        self._tally = tally

    def told(self, told: Told, model: str) -> None:
        """See `parts.Listener`."""
        explicit, language = told.trigger.explicit, told.cursor.language
        if told.reason not in NOT_LOOKED_UP:
            self._tally.cached(hit=told.from_memory, model=model, language=language, explicit=explicit)
        if told.suggestions:
            self._feedback.shown(told.cursor, told.suggestions, explicit=explicit)
        elif told.reason:
            self._tally.silent(told.reason, model, language, explicit=explicit)

    def rejected_here(self, cursor: Cursor) -> bool:
        """See `parts.Listener`."""
        return self._feedback.rejected_here(cursor)
