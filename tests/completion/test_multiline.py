"""Where a suggestion may run over several lines."""

from __future__ import annotations

import pytest
from tests.completion.pictures import cursor_at

from beastmode.completion.multiline import is_multiline

MULTI = [
    ("python", "def f():║\n"),
    ("python", "def f():\n    ║\n"),
    ("python", "def f(a,\n      b) -> int:║\n"),
    ("python", 'def f():\n    """Doc."""║\n'),
    ("python", 'def f():\n    """Doc\n    and more║\n'),
    ("python", "x = foo(\n    a,║\n)\n"),
    ("python", "x = [║\n"),
    ("python", "from a import (║\n"),
    ("python", "match x:\n    case 1:║\n"),
    ("python", 's = "#"\nif s:║\n'),
    ("typescript", "function f() {║\n}\n"),
    ("typescript", "const f = () =>║\n"),
    ("typescript", "/**\n * What║\n */\n"),
    ("typescript", "/** Doc. */║\n"),
    ("typescript", "const x = {\n  a: 1,║\n};\n"),
    ("javascript", "switch (x) {\n  case 1:║\n"),
    ("go", "func f() {\n\tif x {║\n"),
    ("go", "\tcase 1:║\n"),
    ("rust", "match x {\n    A =>║\n"),
    ("rust", "fn f<'a>(x: &'a str) {║\n"),
    ("java", "list.map(x ->║\n"),
    ("c", "int f(void)\n{║\n"),
    ("cpp", "public:║\n"),
    ("csharp", "class A\n{\n    ║\n}\n"),
    ("ruby", "def f(a)║\n"),
    ("ruby", "xs.each do |x|║\n"),
    ("ruby", "xs.each { |x|║\n"),
    ("php", "if ($x) {║\n"),
    ("shellscript", "if [ -f x ]; then║\n"),
    ("shellscript", "case $x in║\n"),
    ("lua", "if x then║\n"),
    ("yaml", "key:║\n"),
]
SINGLE = [
    ("python", "x = ║\n"),
    ("python", "x = 1  # if x:║\n"),
    ("python", "# else:║\n"),
    ("python", 'x = "if a:║\n'),
    ("python", "x = {a:║\n}\n"),
    ("python", "x = foo(a, b║\n"),
    ("python", "def f() ->║\n"),
    ("python", 'x = """text"""║\n'),
    ("python", "x = 1,║\n"),
    ("python", "print(║\n"),
    ("python", "x = y[║\n"),
    ("python", "if x:║ y\n"),
    ("typescript", "// function f() {║\n"),
    ("typescript", 'const x = "{║\n'),
    ("typescript", "return a +║\n"),
    ("javascript", "const re = /[{]║\n"),
    ("go", 'fmt.Println("{║\n'),
    ("rust", "fn f() ->║\n"),
    ("c", "int x = 1;║\n"),
    ("java", "foo(a, ║b\n"),
    ("ruby", "x = { a =>║\n"),
    ("ruby", "# def f║\n"),
    ("php", "// if {║\n"),
    ("shellscript", "# then║\n"),
    ("lua", "local x = ║\n"),
]


@pytest.mark.parametrize(("language", "picture"), MULTI)
def test_several_lines(language: str, picture: str) -> None:
    """Where a block, a docstring or a list begins or goes on."""
    assert is_multiline(cursor_at(picture, language=language))


@pytest.mark.parametrize(("language", "picture"), SINGLE)
def test_one_line(language: str, picture: str) -> None:
    """In the middle of an expression, in strings and comments, and where something stands to the right."""
    assert not is_multiline(cursor_at(picture, language=language))


def test_a_string_far_above_does_not_matter() -> None:
    """The lines that are looked at start in code, also where a long string stands above them."""
    above = 'TEXT = """\nif it says:\n"""\n' + "x = 1\n" * 200
    assert is_multiline(cursor_at(above + "def f():║\n"))
    assert not is_multiline(cursor_at(above + "x = 1  # and:║\n"))
