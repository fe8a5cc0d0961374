"""When not to ask a model at all. Pure; each refusal has its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.completion.reasons import Reason
from beastmode.completion.words import is_word
from beastmode.context.exclude import is_sensitive

if TYPE_CHECKING:
    from collections.abc import Collection

    from beastmode.domain.text import Cursor

LONGEST_TEXT_AFTER = 8
"""Characters right of the cursor beyond which an automatic suggestion would interrupt an edit, not continue it."""

_CLOSING = frozenset(")]}>\"'`;,: \t")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a suggestion is wanted.

    Attributes:
        explicit: the user asked for it, as opposed to paused.
        in_menu: the editor's own completion menu is open with an item selected.
        rejected: the user has just turned a suggestion down at this very place.
    """

    explicit: bool = False
    in_menu: bool = False
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the workspace leaves of what the user allowed: it can only narrow.

    Attributes:
        enabled: to suggest anything at all.
        local_only: nothing of the document may leave this machine.
        languages_off: the editor's names of languages in which nothing is suggested unless the user asks.
        code_lenses: to offer tasks above functions.
    """

    enabled: bool = True
    local_only: bool = False
    languages_off: frozenset[str] = frozenset()
    code_lenses: bool = True


def refusal(cursor: Cursor, trigger: Trigger, *, enabled: bool, languages_off: Collection[str] = ()) -> Reason | None:
    """Why no model is asked for this cursor; None where one may be.

    A user who asks gets an answer anywhere but in a sensitive file.
    """
    if not enabled:
        return Reason.DISABLED
    if is_sensitive(cursor.path, cursor.language):
        return Reason.SENSITIVE
    if trigger.explicit:
        return None
    if cursor.language in languages_off:
        return Reason.LANGUAGE
    return _interruption(cursor, trigger)


def _interruption(cursor: Cursor, trigger: Trigger) -> Reason | None:
    """Why a suggestion that nobody asked for would be in the way here."""
    if not cursor.before or cursor.before.isspace():
        return None if cursor.preamble else Reason.NOTHING_BEFORE
    after = cursor.line_after
    in_word = is_word(cursor.before[-1])
    if after and in_word and is_word(after[0]):
        return Reason.IN_WORD
    if in_word and trigger.in_menu:
        return Reason.MENU
    if len(after.strip()) > LONGEST_TEXT_AFTER and not _CLOSING.issuperset(after):
        return Reason.TEXT_AFTER
    return Reason.REJECTED if trigger.rejected else None
