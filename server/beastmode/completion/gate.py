"""When not to ask a model at all. Pure; each refusal has its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.completion.reasons import Reason
from beastmode.completion.words import is_word
from beastmode.context.exclude import is_sensitive

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

LONGEST_TEXT_AFTER = 8
"""Characters right of the cursor beyond which an automatic suggestion would interrupt an edit, not continue it."""

_CLOSING = frozenset(")]}>\"'`;,: \t")


def refusal(cursor: Cursor, *, enabled: bool, explicit: bool) -> Reason | None:
    """Why no model is asked for this cursor; None where one may be.

    A user who asks gets an answer anywhere but in a sensitive file.
    """
    if not enabled:
        return Reason.DISABLED
    if is_sensitive(cursor.path, cursor.language):
        return Reason.SENSITIVE
    return None if explicit else _interruption(cursor)


def _interruption(cursor: Cursor) -> Reason | None:
    """Why a suggestion that nobody asked for would be in the way here."""
    if not cursor.before or cursor.before.isspace():
        return Reason.NOTHING_BEFORE
    after = cursor.line_after
    if after and is_word(cursor.before[-1]) and is_word(after[0]):
        return Reason.IN_WORD
    if len(after.strip()) > LONGEST_TEXT_AFTER and not _CLOSING.issuperset(after):
        return Reason.TEXT_AFTER
    return None
