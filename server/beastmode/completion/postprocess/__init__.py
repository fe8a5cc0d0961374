"""From what a model said to what may be shown: two lists of filters to be read from top to bottom, one file a filter.

A filter is pure, takes any text, and gives what is left of it ('' is nothing); doing it twice changes nothing. It only
takes away, but for `line_endings` and `indentation`. What a filter cuts off at the end stays cut whatever the model
says next, which is how `is_settled` knows when to hang up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.completion.postprocess.already_there import already_there
from beastmode.completion.postprocess.blank import blank
from beastmode.completion.postprocess.broken_tail import broken_tail
from beastmode.completion.postprocess.columns import UNSEEN
from beastmode.completion.postprocess.control_characters import control_characters
from beastmode.completion.postprocess.duplicate_line import duplicate_line
from beastmode.completion.postprocess.duplicate_prefix import duplicate_prefix
from beastmode.completion.postprocess.duplicate_suffix import duplicate_suffix
from beastmode.completion.postprocess.fences import fences
from beastmode.completion.postprocess.half_line import half_line
from beastmode.completion.postprocess.indentation import indentation
from beastmode.completion.postprocess.line_endings import line_endings
from beastmode.completion.postprocess.looping_tail import looping_tail
from beastmode.completion.postprocess.prose import prose
from beastmode.completion.postprocess.reasoning import reasoning
from beastmode.completion.postprocess.repeated_above import repeated_above
from beastmode.completion.postprocess.repeated_lines import repeated_lines
from beastmode.completion.postprocess.rewritten_below import rewritten_below
from beastmode.completion.postprocess.scope import scope
from beastmode.completion.postprocess.single_line import single_line
from beastmode.completion.postprocess.template_tokens import template_tokens
from beastmode.completion.postprocess.trailing_whitespace import trailing_whitespace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.domain.text import Cursor


class Filter(Protocol):
    """One step; its name is what the user reads as the reason of an empty answer."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, text: str, cursor: Cursor, /) -> str:
        """What is left of the text."""
        ...


MODEL_PIPELINE: tuple[Filter, ...] = (
    control_characters,
    line_endings,
    reasoning,
    template_tokens,
    fences,
    prose,
    blank,
    duplicate_prefix,
    single_line,
    indentation,
    duplicate_line,
    repeated_above,
    repeated_lines,
    scope,
    looping_tail,
)
"""Facts about the model's text, given the cursor it was asked for: run once, and the result is remembered."""

CURSOR_PIPELINE: tuple[Filter, ...] = (
    duplicate_suffix,
    rewritten_below,
    trailing_whitespace,
    already_there,
)
"""Facts about the document as it is now: run each time a text is shown."""

_SETTLING: tuple[Filter, ...] = (*MODEL_PIPELINE, duplicate_suffix, rewritten_below)
_FINAL = frozenset(("duplicate_line", "duplicate_suffix", "rewritten_below"))
"""Filters that take a text for what its first lines are, whatever comes behind."""


def run(pipeline: Iterable[Filter], text: str, cursor: Cursor) -> tuple[str, str]:
    """What the filters leave, and the name of the one that left nothing ('' where something is left)."""
    for each in pipeline:
        left = each(text, cursor)
        if text and not left:
            return "", each.__name__
        text = left
    return text, ""


def from_model(text: str, cursor: Cursor, *, cut: bool) -> tuple[str, str]:
    """`MODEL_PIPELINE` over an answer; where the answer was cut, without the half of a line and a broken end."""
    if not cut:
        return run(MODEL_PIPELINE, text, cursor)
    left, taken_by = run(MODEL_PIPELINE, half_line(text, cursor), cursor)
    return broken_tail(left, cursor), taken_by


def is_settled(text: str, cursor: Cursor) -> bool:
    """Whether nothing that the model could still say would be shown.

    Looks at whole lines only. Asks the filters themselves: one more line, and it does not come through. Where nothing
    came through at all, it depends on the filter that took it: some of them wait for what comes behind.
    """
    left, taken_by = run(_SETTLING, text[: text.rfind("\n")] + UNSEEN, cursor)
    return UNSEEN[-1] not in left if left else taken_by in _FINAL
