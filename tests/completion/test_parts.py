"""The engine's parts that decide: gate, debounce, request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.completion.fakes import MODEL, Settings
from tests.completion.pictures import cursor_at

from beastmode.completion.debounce import Debounce
from beastmode.completion.fim import request_for, window_for
from beastmode.completion.gate import Trigger, refusal
from beastmode.completion.multiline import is_multiline
from beastmode.domain.model import BUILTIN_ID

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import FimRequest
    from beastmode.domain.text import Cursor


@pytest.mark.parametrize(
    ("picture", "automatic", "explicit"),
    [
        ("x = ║", None, None),
        ("║", "nothing before the cursor", None),
        ("\n  \n║import os", "nothing before the cursor", None),
        ("re║turn", "middle of a word", None),
        ("naï║ve", "middle of a word", None),
        ("# 你║好", None, None),
        ("x = ║compute(a, b)", "text after the cursor", None),
        ("print(║)", None, None),
        ("f({'a': [('b', ║)]})  ", None, None),
        ("x = ║ + y", None, None),
    ],
)
def test_gate(picture: str, automatic: str | None, explicit: str | None) -> None:
    """Where a suggestion would interrupt, none is made unless the user asks."""
    cursor = cursor_at(picture)
    assert refusal(cursor, Trigger(), enabled=True) == automatic
    assert refusal(cursor, Trigger(explicit=True), enabled=True) == explicit


def test_gate_never_opens_for() -> None:
    """A sensitive file, and an engine that is switched off, refuse a user who asks, too."""
    secret = cursor_at("KEY=║", path="/home/me/.env")
    assert refusal(secret, Trigger(explicit=True), enabled=True) == "sensitive file"
    assert refusal(cursor_at("x = ║"), Trigger(explicit=True), enabled=False) == "disabled"


@pytest.mark.parametrize(
    ("picture", "trigger", "expected"),
    [
        ("x = na║", Trigger(in_menu=True), "a menu is open"),
        ("x = self.║", Trigger(in_menu=True), None),
        ("x = ║", Trigger(rejected=True), "just turned down here"),
        ("x = na║", Trigger(explicit=True, in_menu=True, rejected=True), None),
    ],
)
def test_gate_knows_what_the_user_is_doing(picture: str, trigger: Trigger, expected: str | None) -> None:
    """A menu in the middle of a word and a suggestion just turned down are left alone, unless the user asks."""
    assert refusal(cursor_at(picture), trigger, enabled=True) == expected


def test_gate_minds_the_languages() -> None:
    """In a language that the user switched off nothing is suggested by itself."""
    cursor = cursor_at("x = ║", language="markdown")
    assert refusal(cursor, Trigger(), enabled=True, languages_off=("markdown",)) == "language switched off"
    assert refusal(cursor, Trigger(explicit=True), enabled=True, languages_off=("markdown",)) is None


def test_gate_of_a_notebook() -> None:
    """An empty cell has something before it where there are cells above."""
    cell = replace(cursor_at("║"), preamble="import os\n")
    assert refusal(cell, Trigger(), enabled=True) is None


def test_debounce_follows_the_model() -> None:
    """A quarter of the median latency, never beyond the cap; none where nothing is known or nothing to be gained."""
    debounce = Debounce(0.3)
    assert debounce.delay("a", explicit=False) == 0
    for seconds in (0.2, 0.4, 9.0):
        debounce.answered("a", seconds)
    assert debounce.delay("a", explicit=False) == pytest.approx(0.1)
    assert debounce.delay("a", explicit=True) == 0
    assert debounce.delay("b", explicit=False) == 0
    debounce.answered("fast", 0.001)
    assert debounce.delay("fast", explicit=False) == 0
    for _ in range(10):
        debounce.answered("a", 60)
    assert debounce.delay("a", explicit=False) == 0.3


def typist(*gaps: float) -> Debounce:
    """A debounce that has seen a user type with these gaps."""
    debounce, at = Debounce(0.3), 0.0
    debounce.typed(at)
    for gap in gaps:
        at += gap
        debounce.typed(at)
    return debounce


def test_debounce_does_not_wait_for_a_model_faster_than_the_fingers() -> None:
    """A model that answers between two keys is asked at each of them."""
    debounce = typist(*[0.15, 0.2, 0.12, 0.18] * 5)
    debounce.answered("fast", 0.05)
    assert debounce.delay("fast", explicit=False) == 0


def test_debounce_waits_out_a_usual_gap() -> None:
    """A slow model is asked only after a gap that is longer than most of this user's."""
    debounce = typist(*[0.1, 0.12, 0.15, 0.2, 5.0] * 4)
    debounce.answered("slow", 0.8)
    assert debounce.delay("slow", explicit=False) == pytest.approx(0.15)
    assert debounce.delay("slow", explicit=True) == 0


@given(
    gaps=st.lists(st.floats(0.01, 10), min_size=8, max_size=40),
    latency=st.floats(0.001, 5),
)
def test_debounce_wastes_no_more_than_half(gaps: list[float], latency: float) -> None:
    """Of the user's gaps that outlast the wait, most outlast the answer too, unless the cap forbids it."""
    debounce = typist(*gaps)
    debounce.answered("m", latency)
    delay = debounce.delay("m", explicit=False)
    capped = [min(gap, 2.0) for gap in gaps]
    open_still = [gap for gap in capped if gap > delay + 1e-6]
    wasted = [gap for gap in open_still if gap < delay + latency - 0.006]
    assert delay == 0.3 or len(wasted) <= len(open_still) / 2


def test_debounce_knows_what_no_finger_typed() -> None:
    """A formatter, or a key in many places at once, says nothing about the user's pace."""
    debounce = typist(*[0.2] * 20)
    debounce.answered("m", 0.5)
    before = debounce.delay("m", explicit=False)
    for edit in range(200):
        debounce.typed(1000 + edit / 100_000)

    assert debounce.delay("m", explicit=False) == before > 0


def test_debounce_learns_from_cancelled_requests() -> None:
    """A model that is slower than the typing is waited for; a request cancelled at once says nothing."""
    debounce = Debounce(0.3)
    debounce.gave_up("a", 0.4)
    debounce.gave_up("a", 0.01)
    assert debounce.delay("a", explicit=False) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("picture", "language", "expected"),
    [
        ("def f():\n    ║\n", "python", True),
        ("def f():║\n", "python", True),
        ("async def f():║\n", "python", True),
        ("else:║\n", "python", True),
        ("function f() {║\n", "typescript", True),
        ("xs.map((x) =>║\n", "typescript", True),
        ("xs.each do║\n", "ruby", True),
        ("def name(person)║\n", "ruby", True),
        ("key:║\n", "yaml", True),
        ("  case 1:║\n", "c", True),
        ("    'a':║\n", "python", False),
        ("x = ║\n", "python", False),
        ("print(║\n", "python", False),
        ("x = y if║\n", "ruby", False),
        ("def f(║):\n", "python", False),
        ("{║}\n", "javascript", False),
    ],
)
def test_multiline(picture: str, language: str, *, expected: bool) -> None:
    """A block is asked for on an empty line and behind what opens a block, a line everywhere else."""
    assert is_multiline(cursor_at(picture, language=language)) is expected


def asked(cursor: Cursor, model: ModelSpec = MODEL) -> FimRequest:
    """The request for a cursor."""
    return request_for(cursor, window_for(cursor, Settings(), model), Settings(), model)


def test_request_for_a_line() -> None:
    """One line stops at its end, is short, and shows a short suffix."""
    cursor = cursor_at("x = ║)\n" + "y = 1\n" * 200)
    request = asked(cursor)
    assert (request.stop, request.max_tokens, request.language) == (("\n",), 64, "python")
    assert request.suffix.startswith(")\ny = 1\n")
    assert len(request.suffix) <= 64 * 3


def test_request_for_a_block() -> None:
    """A block has no stop: no text is a safe one."""
    request = asked(cursor_at("def f():\n    ║"))
    assert (request.stop, request.max_tokens, request.suffix) == ((), 96, "")


def test_request_to_the_builtin_model() -> None:
    """The built-in model reads a short suffix: what follows says where to stop, but costs it time at each key."""
    builtin = replace(MODEL, id=BUILTIN_ID)
    assert asked(cursor_at("x = ║\ny = 1"), builtin).suffix == "\ny = 1"
    assert len(asked(cursor_at("x = ║\n" + "y = 1\n" * 200), builtin).suffix) <= 64 * 3


def test_the_builtin_model_reads_less() -> None:
    """The built-in model is shown what a processor can read in two seconds, whatever the settings say."""
    cursor = cursor_at("x = 1\n" * 2000 + "║")
    assert len(asked(cursor, replace(MODEL, id=BUILTIN_ID)).prefix) <= 320 * 3
    assert len(asked(cursor).prefix) > 900 * 3


def test_the_cells_above_stay_within_the_budget() -> None:
    """They begin at the same place while a cell is typed, and the built-in model reads no more than without them."""
    cell = replace(cursor_at("y = ║"), preamble="".join(f"x = {number}\n" for number in range(2000)))
    longer = replace(cell, before="y = " + "z + " * 20)
    for model, most in ((MODEL, 1024 * 3), (replace(MODEL, id=BUILTIN_ID), 320 * 3)):
        prefix = asked(cell, model).prefix
        assert prefix.startswith("x = ")
        assert most // 2 < len(prefix) <= most
        assert asked(longer, model).prefix.startswith(prefix)


def test_request_fits_the_model() -> None:
    """Prefix, suffix and answer stay within a small model's window, and the answer within its own limit."""
    small = replace(MODEL, context_window=256, max_tokens=32)
    request = asked(cursor_at("x = 1\n" * 500 + "║" + "y = 2\n" * 500), small)
    assert len(request.prefix + request.suffix) <= (256 - 96) * 3
    assert request.suffix
    assert request.max_tokens == 32
