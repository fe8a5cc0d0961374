"""From a cursor to the request: how much to show the model, and how much to ask for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.context.window import window
from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.request import FimRequest

if TYPE_CHECKING:
    from beastmode.context.window import Window
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

_OPENERS = ("{", "=>", "->")
_OPENING_WORDS = frozenset(("do", "then", "else", "begin", "try", "ensure", "rescue"))
_COLON_STARTS = frozenset(
    "async case class def default elif else except finally for if match try while with".split()  # noqa: SIM905 - reads
)
_BARE_STARTS = frozenset(("begin", "case", "class", "def", "for", "if", "module", "unless", "until", "while"))
_BARE_LANGUAGES = frozenset(("ruby", "crystal", "julia"))
"""Languages whose blocks open without a mark at the line's end."""

BUILTIN_PREFIX_TOKENS = 320
"""Shown to the built-in model at most: on two cores it reads about 135 tokens a second, and a cold start reads all."""


class Budget(Protocol):
    """The settings that shape a prompt; all lengths are tokens."""

    @property
    def max_tokens(self) -> int:
        """Of an answer that fills up one line."""
        ...

    @property
    def multiline_max_tokens(self) -> int:
        """Of an answer that may be a block."""
        ...

    @property
    def prefix_tokens(self) -> int:
        """Shown of what stands before the cursor."""
        ...

    @property
    def suffix_tokens(self) -> int:
        """Shown of what stands after it."""
        ...


def is_multiline(cursor: Cursor) -> bool:
    """Whether a block may be suggested here: on an empty line or behind a block opener, with nothing to the right."""
    if cursor.line_after.strip():
        return False
    line = cursor.line_before.strip()
    return not line or line.endswith(_OPENERS) or _opens_by_word(line.split(), cursor.language)


def _opens_by_word(words: list[str], language: str) -> bool:
    if words[-1] in _OPENING_WORDS:
        return True
    if words[-1].endswith(":"):
        return language == "yaml" or words[0].rstrip(":") in _COLON_STARTS
    return language in _BARE_LANGUAGES and len(words) > 1 and words[0] in _BARE_STARTS and words[-1][-1] not in "=,.&|("


def request_for(cursor: Cursor, budget: Budget, model: ModelSpec, *, local_only: bool = False) -> FimRequest:
    """The request that asks this model to fill the hole at this cursor."""
    multiline = is_multiline(cursor)
    shown = _window(cursor, budget, model)
    return FimRequest(
        prefix=shown.prefix,
        suffix=shown.suffix if shown.suffix.strip() and _reads_suffix(cursor, model) else "",
        path=cursor.path,
        language=cursor.language,
        max_tokens=min(budget.multiline_max_tokens if multiline else budget.max_tokens, model.max_tokens),
        # A stop is cheaper than hanging up: the connection stays open.
        stop=() if multiline else ("\n",),
        local_only=local_only,
    )


def _window(cursor: Cursor, budget: Budget, model: ModelSpec) -> Window:
    room = max(0, model.context_window - max(budget.max_tokens, budget.multiline_max_tokens))
    suffix_tokens = min(budget.suffix_tokens, room // 4)
    prefix_tokens = min(budget.prefix_tokens, room - suffix_tokens)
    if model.id == BUILTIN_ID:
        prefix_tokens = min(prefix_tokens, BUILTIN_PREFIX_TOKENS)
    return window(cursor, prefix_tokens, suffix_tokens)


def _reads_suffix(cursor: Cursor, model: ModelSpec) -> bool:
    """Whether what follows is worth its tokens, which a server re-reads at each keystroke.

    On this machine's processor 64 of them take half a second, and at a line's end the built-in model fills no better
    with them than without (35 of 60 lines to 33).
    """
    return model.id != BUILTIN_ID or bool(cursor.line_after.strip())
