"""What holds for every document, cursor and model text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.completion.fakes import build
from tests.completion.pictures import accepted, cursor_at, typed

from beastmode.completion.postprocess import (
    CURSOR_PIPELINE,
    MODEL_PIPELINE,
    Filter,
    from_model,
    is_settled,
    run,
)
from beastmode.completion.postprocess.half_line import half_line
from beastmode.completion.retyped import retyped
from beastmode.domain.text import Cursor

PIECES = st.sampled_from(
    [
        *"ab_1 \t\n\r(){}[]\"'`<>;:,=│你🎉\\\x1b\u202e",
        "    ",
        "\n    ",
        "\n}",
        "return x",
        "if x:",
        "end",
        "</p>",
        "foo(",
        "```",
        "```python\n",
        "<think>",
        "</think>",
        "<|im_end|>",
        "<fim_middle>",
        "x = 1\n",
        "\n\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
CODE = st.lists(PIECES.filter(lambda piece: "\r" not in piece), max_size=20).map("".join)
LANGUAGES = st.sampled_from(["python", "ruby", "typescript", "markdown"])
CURSORS = st.builds(
    lambda before, after, language: cursor_at(f"{before}║{after}", language=language), CODE, CODE, LANGUAGES
)
EXAMPLES = 20
"""A test, for a suite that runs in seconds; set it to thousands after changing a filter."""
FILTERS = (half_line, *MODEL_PIPELINE, *CURSOR_PIPELINE)


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.__name__)
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, cursor=CURSORS)
def test_filters_are_total_and_idempotent(each: Filter, text: str, cursor: Cursor) -> None:
    """A filter takes any text, and doing it twice is doing it once."""
    once = each(text, cursor)
    assert each(once, cursor) == once


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=st.text(max_size=80), cursor=CURSORS)
def test_any_unicode_goes_through(text: str, cursor: Cursor) -> None:
    """Nothing that a model can say stops the pipelines."""
    said, _ = from_model(text, cursor, cut=True)
    run(CURSOR_PIPELINE, said, cursor)
    is_settled(text + "\n" + text, cursor)


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, cursor=CURSORS)
def test_replaces_only_what_it_types_again(text: str, cursor: Cursor) -> None:
    """The range stays on the cursor's line, and every character that it takes out is in the text, in order."""
    count = retyped(text, cursor)
    taken = cursor.line_after[:count]
    assert 0 <= count == len(taken)
    rest = iter(text)
    assert all(character in rest for character in taken if character != " ")


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, more=TEXTS, cursor=CURSORS)
def test_settled_means_settled(text: str, more: str, cursor: Cursor) -> None:
    """Once the engine may hang up, nothing that the model still says would be shown.

    Tags and fences apart: a model that thinks or chats first and answers later is the wire formats' affair.
    """
    text, more = (each.replace("`", "").replace("<", "").replace("\r", "") for each in (text + "\n", more))
    if is_settled(text, cursor):
        pipeline = (*MODEL_PIPELINE, *CURSOR_PIPELINE)
        now, later = (run(pipeline, whole, cursor)[0] for whole in (text, text + more))
        assert now == later or not (now + later).strip()  # blank text is never shown


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=CODE, cursor=CURSORS, at=st.integers(1, 40), closes=st.booleans())
async def test_accepting_in_parts_gives_the_same_file(text: str, cursor: Cursor, at: int, *, closes: bool) -> None:
    """Accepting words (any start of the text) and then the rest gives the file that accepting at once gives.

    `closes`: whether the editor closes a bracket when it is typed. Where the rest does not type that one again, the
    user is left with it, as with any editor.
    """
    engine, router, _ = build([text])
    answer = await engine.suggest(cursor, explicit=True)
    if not answer.suggestions:
        return
    [suggestion] = answer.suggestions
    taken, left = suggestion.text[:at], suggestion.text[at:]
    if not left.strip():
        return
    closers = ")" if closes and taken.endswith("(") else ""
    later = typed(cursor, taken, closers=closers)

    answer = await engine.suggest(later, explicit=True)

    [rest] = answer.suggestions
    assert answer.from_memory
    assert len(router.requests) == 1
    if rest.replace_after >= len(closers):
        assert accepted(later, rest) == accepted(cursor, suggestion)
