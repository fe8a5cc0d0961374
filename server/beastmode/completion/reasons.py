"""Why an answer is empty, in words that a user may read. A small closed set, so that reasons can be counted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.errors import BeastModeError


class Reason(StrEnum):
    """The fixed reasons; `filtered` and `failed` make the two families that carry a name."""

    DISABLED = "disabled"
    LANGUAGE = "language switched off"
    SENSITIVE = "sensitive file"
    NOTHING_BEFORE = "nothing before the cursor"
    TEXT_AFTER = "text after the cursor"
    IN_WORD = "middle of a word"
    MENU = "a menu is open"
    REJECTED = "just turned down here"
    NO_MODEL = "no model"
    SUPERSEDED = "superseded"
    EMPTY = "empty answer"
    TYPED = "typed already"
    INTERNAL = "failed: internal"


def filtered(name: str) -> str:
    """The answer held nothing that may be shown; `name` is the filter that took the last of it."""
    return f"filter: {name}"


def failed(error: BeastModeError) -> str:
    """The model could not be asked or did not answer; the error itself says more."""
    return f"failed: {error.kind}"


def why_empty(text: str, taken_by: str) -> str:
    """Why nothing is left of an answer: the filter that took the last of it, if one did; '' where something is left."""
    if text:
        return ""
    return filtered(taken_by) if taken_by else Reason.EMPTY
