"""The engine's parts that decide: gate, debounce, request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.completion.fakes import MODEL, Settings
from tests.completion.pictures import cursor_at

from beastmode.completion.debounce import Debounce
from beastmode.completion.fim import is_multiline, request_for
from beastmode.completion.gate import refusal
from beastmode.domain.model import BUILTIN_ID


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
    assert refusal(cursor, enabled=True, explicit=False) == automatic
    assert refusal(cursor, enabled=True, explicit=True) == explicit


def test_gate_never_opens_for() -> None:
    """A sensitive file, and an engine that is switched off, refuse a user who asks, too."""
    secret = cursor_at("KEY=║", path="/home/me/.env")
    assert refusal(secret, enabled=True, explicit=True) == "sensitive file"
    assert refusal(cursor_at("x = ║"), enabled=False, explicit=True) == "disabled"


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


def test_request_for_a_line() -> None:
    """One line stops at its end, is short, and shows a short suffix."""
    cursor = cursor_at("x = ║)\n" + "y = 1\n" * 200)
    request = request_for(cursor, Settings(), MODEL)
    assert (request.stop, request.max_tokens, request.language) == (("\n",), 64, "python")
    assert request.suffix.startswith(")\ny = 1\n")
    assert len(request.suffix) <= 64 * 3


def test_request_for_a_block() -> None:
    """A block has no stop: no text is a safe one."""
    request = request_for(cursor_at("def f():\n    ║"), Settings(), MODEL)
    assert (request.stop, request.max_tokens, request.suffix) == ((), 96, "")


def test_request_to_the_builtin_model() -> None:
    """The built-in model reads a suffix only where text follows on the line: it costs it half a second."""
    builtin = replace(MODEL, id=BUILTIN_ID)
    assert request_for(cursor_at("x = ║\ny = 1"), Settings(), builtin).suffix == ""
    assert request_for(cursor_at("x = (║)\ny = 1"), Settings(), builtin).suffix == ")\ny = 1"


def test_the_builtin_model_reads_less() -> None:
    """The built-in model is shown what a processor can read in two seconds, whatever the settings say."""
    cursor = cursor_at("x = 1\n" * 2000 + "║")
    assert len(request_for(cursor, Settings(), replace(MODEL, id=BUILTIN_ID)).prefix) <= 320 * 3
    assert len(request_for(cursor, Settings(), MODEL).prefix) > 900 * 3


def test_request_fits_the_model() -> None:
    """Prefix, suffix and answer stay within a small model's window, and the answer within its own limit."""
    small = replace(MODEL, context_window=256, max_tokens=32)
    request = request_for(cursor_at("x = 1\n" * 500 + "║" + "y = 2\n" * 500), Settings(), small)
    assert len(request.prefix + request.suffix) <= (256 - 96) * 3
    assert request.suffix
    assert request.max_tokens == 32
