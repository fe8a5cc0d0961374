"""What holds for every document, cursor and model text."""

from __future__ import annotations

import re

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
from beastmode.completion.postprocess.broken_tail import broken_tail
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
        "\n\t",
        "\n  ",
        "\n} else {",
        "else:\n",
        "def f():",
        "for x in y {",
        '"""',
        "/*",
        "*/",
        "<<EOF\n",
        "EOF\n",
        "Here is the code:\n",
        "\n\nThis code does it all well.",
        "👩\u200d💻",
        "naïve",
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
CODE = st.lists(PIECES.filter(lambda piece: "\r" not in piece), max_size=20).map("".join)
LANGUAGES = st.sampled_from(["python", "ruby", "typescript", "go", "shellscript", "json", "markdown"])
CURSORS = st.builds(
    lambda before, after, language, newline: cursor_at(f"{before}║{after}", language=language, newline=newline),
    CODE,
    CODE,
    LANGUAGES,
    st.sampled_from(["\n", "\r\n"]),
)
EXAMPLES = 25
"""A test, for a suite that runs in seconds; set it to thousands after changing a filter."""
FILTERS = (half_line, *MODEL_PIPELINE, broken_tail, *CURSOR_PIPELINE)
REWRITING = {"line_endings", "indentation"}
WORD = re.compile(r"[^`~!@#%^&*()\-=+\[{\]}\\|;:'\",.<>/?\s]+")
"""The editor's pattern of a word, where a language has none of its own."""


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.__name__)
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, cursor=CURSORS)
def test_filters_are_total_and_idempotent(each: Filter, text: str, cursor: Cursor) -> None:
    """A filter takes any text, and doing it twice is doing it once."""
    once = each(text, cursor)
    assert each(once, cursor) == once


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.__name__)
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=TEXTS, cursor=CURSORS)
def test_filters_only_take_away(each: Filter, text: str, cursor: Cursor) -> None:
    """What a filter leaves was in the text, in that order; two of them also change blanks and line ends."""
    left = each(text, cursor)
    if each.__name__ in REWRITING:
        left, text = ("".join(some.split()) for some in (left, text))
    rest = iter(text)
    assert all(character in rest for character in left)


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


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(text=TEXTS, cursor=CURSORS)
async def test_inserting_changes_nothing_else(text: str, cursor: Cursor) -> None:
    """As the editor does it: in UTF-16 columns, in the document's line ends, on the cursor's line."""
    engine, _, _ = build([text])
    answer = await engine.suggest(cursor, explicit=True)
    for suggestion in answer.suggestions:
        assert "\r" not in suggestion.text
        replaced = cursor.line_after[: suggestion.replace_after]
        assert len(replaced) == suggestion.replace_after
        lines = f"{cursor.before}{cursor.after}".split("\n")
        line = lines[cursor.line].encode("utf-16-le")
        start = 2 * utf16_length(cursor.line_before)
        end = start + 2 * utf16_length(replaced)
        inserted = suggestion.text.replace("\n", cursor.newline)
        lines[cursor.line] = line[:start].decode("utf-16-le") + inserted + line[end:].decode("utf-16-le")
        before, after = (some.replace("\n", cursor.newline) for some in (cursor.before, cursor.after[len(replaced) :]))
        assert cursor.newline.join(lines) == before + inserted + after


def utf16_length(text: str) -> int:
    """Code units."""
    return len(text.encode("utf-16-le")) // 2


def next_word(text: str) -> int:
    """How much the editor accepts at once: a word with what stands before it, or up to the blank behind that."""
    word = WORD.search(text)
    until = len(text) if word is None else word.end() if word.start() == 0 else word.start()
    blank = re.search(r"\s+", text)
    return blank.end() if blank and blank.start() < until else until


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(text=CODE, cursor=CURSORS, words=st.integers(1, 12))
async def test_accepting_by_word_gives_the_same_file(text: str, cursor: Cursor, words: int) -> None:
    """Any number of words, each asked for anew, and then the rest: the file is the one of accepting at once."""
    engine, router, _ = build([text])
    answer = await engine.suggest(cursor, explicit=True)
    if not answer.suggestions:
        return
    [suggestion] = answer.suggestions
    here, rest = cursor, suggestion
    for _ in range(words):
        word = rest.text[: next_word(rest.text)]
        if not rest.text[len(word) :].strip():
            break
        here = typed(here, word)
        [rest] = (await engine.suggest(here, explicit=True)).suggestions
    assert len(router.requests) == 1
    assert accepted(here, rest) == accepted(cursor, suggestion)


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
