"""From a cursor to the request: how much to show the model, and how much to ask for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.completion.multiline import is_multiline
from beastmode.context.window import BYTES_PER_TOKEN, window
from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.request import FimRequest

if TYPE_CHECKING:
    from beastmode.context.window import Window
    from beastmode.domain.context import Snippet
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

BUILTIN_PREFIX_TOKENS = 320
"""Shown to the built-in model at most: on two cores it reads about 135 tokens a second, and a cold start reads all."""


BUILTIN_SUFFIX_TOKENS = 64
"""Shown to it of what follows, which it reads anew at each key; the wire leaves it out where the block ends anyway."""
BUILTIN_CONTEXT_TOKENS = 160
"""Of other code, for the built-in model: read once as long as it stays the same."""


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

    @property
    def context_tokens(self) -> int:
        """Shown of other code."""
        ...


def window_for(cursor: Cursor, budget: Budget, model: ModelSpec) -> Window:
    """The part of the document that this model is shown; the cells above a notebook's cell fill what it leaves free."""
    return window(cursor, *_room(budget, model))


def _room(budget: Budget, model: ModelSpec) -> tuple[int, int]:
    """Tokens before the cursor and after it that this model is shown at most."""
    room = max(0, model.context_window - max(budget.max_tokens, budget.multiline_max_tokens))
    suffix_tokens = min(budget.suffix_tokens, room // 4)
    prefix_tokens = min(budget.prefix_tokens, room - suffix_tokens)
    if model.id == BUILTIN_ID:
        return min(prefix_tokens, BUILTIN_PREFIX_TOKENS), min(suffix_tokens, BUILTIN_SUFFIX_TOKENS)
    return prefix_tokens, suffix_tokens


def context_tokens(budget: Budget, model: ModelSpec) -> int:
    """How many tokens of other code this model is shown at most."""
    room = model.context_window - budget.prefix_tokens - budget.suffix_tokens - budget.multiline_max_tokens
    most = BUILTIN_CONTEXT_TOKENS if model.id == BUILTIN_ID else budget.context_tokens
    return max(0, min(most, room))


def request_for(
    cursor: Cursor,
    shown: Window,
    budget: Budget,
    model: ModelSpec,
    *,
    path: str = "",
    snippets: tuple[Snippet, ...] = (),
    local_only: bool = False,
) -> FimRequest:
    """The request that asks this model to fill the hole at this cursor.

    Args:
        cursor: where.
        shown: what `window_for` gave for it.
        budget: the user's settings.
        model: that is meant to answer.
        path: of the document, as a model may see it.
        snippets: code from elsewhere, least-changing first.
        local_only: nothing of it may leave this machine.
    """
    multiline = is_multiline(cursor)
    prefix = shown.prefix
    if cursor.preamble and prefix == cursor.before:
        most = _room(budget, model)[0] * BYTES_PER_TOKEN
        # The cell takes its room in quarters, so that what stands above it begins at the same place from key to key.
        quarter = most // 4 or 1
        prefix = _last_lines(cursor.preamble, most - -(-len(prefix) // quarter) * quarter) + prefix
    return FimRequest(
        prefix=prefix,
        suffix=shown.suffix if shown.suffix.strip() else "",
        path=path,
        language=cursor.language,
        max_tokens=min(budget.multiline_max_tokens if multiline else budget.max_tokens, model.max_tokens),
        # A stop is cheaper than hanging up: the connection stays open.
        stop=() if multiline else ("\n",),
        local_only=local_only,
        snippets=snippets,
    )


def _last_lines(text: str, characters: int) -> str:
    """The whole lines at the end of a text that fit."""
    if len(text) <= characters:
        return text
    start = text.find("\n", len(text) - max(0, characters)) + 1
    return text[start:] if start else ""
