"""Whatever the text: an answer within it, and soon."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.syntax import (
    boundaries,
    definitions,
    errors_added,
    has_grammar,
    imports,
    language_of,
    names_near,
    parses,
    place,
    scope_end,
)
from beastmode.context.syntax.languages import GRAMMARS
from beastmode.context.syntax.scanner import state_at_end
from beastmode.context.syntax.tree import one_byte_each, parse, parse_part

LANGUAGES = sorted(set(GRAMMARS) - {"php-part"})
PIECES = (
    *("def f(a):", "return a", "class A {", "}", ")", "]", "(", "[", "{", "if x", "else:", "x = 1", "case", "in"),
    *("end", "do", "fi", "done", "esac", "'a", '"b', '"""', "`", "/*", "*/", "//", "#", "${", "#{", "<?php"),
    *("use a::{b,c as d};", "import a from 'b';", "#include <x>", "from a import b", "=>", "->", ";"),
    *("你好 = 🎉", "\xa0", "\ufeff", "\0", "\ud83d", "\n", "\n\n    ", "\n ", "\r\n", "\t"),
)
CODE = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map(" ".join)
ANY = st.sampled_from([*LANGUAGES, "cobol", ""])


@settings(max_examples=50)
@given(before=CODE, text=CODE, after=CODE, language=ANY)
def test_answers_stay_within_the_text(before: str, text: str, after: str, language: str) -> None:
    """No text makes anything raise, and every offset and line lies within what was given."""
    whole = before + text + after
    end = scope_end(before, text, after, language)
    assert (end is None) is not has_grammar(language)
    assert end is None or 0 <= end <= len(text)
    assert (errors_added(before, text, after, language) is None) is not has_grammar(language)
    assert parses(whole, language) is not None or not has_grammar(language)
    assert (place(before, after, language) == "unknown") is not has_grammar(language)
    for start in boundaries(whole, language):
        assert start == 0 or whole[start - 1] == "\n"
    for definition in definitions(whole, language):
        assert 0 <= definition.line <= definition.end_line <= whole.count("\n")
        assert definition.name in whole
        assert definition.text.endswith("\n")
        assert definition.text.count("\n") <= 40
    for each in imports(whole, language):
        assert 0 <= each.line <= whole.count("\n")
    names = names_near(before, after, language)
    assert len(set(names)) == len(names)
    assert all(name in before + after for name in names)


@settings(max_examples=50)
@given(text=st.text(alphabet="aé你🎉\u00a0\u2028\ufeff\0\ud83d\n {", max_size=60))
def test_a_byte_is_a_code_point(text: str) -> None:
    """The parser sees as many bytes as the text has code points, with its line ends where they are."""
    seen = one_byte_each(text)
    assert len(seen) == len(text)
    assert [place for place, byte in enumerate(seen) if byte == 10] == [
        place for place, character in enumerate(text) if character == "\n"
    ]


def test_columns_behind_other_scripts() -> None:
    """A name behind CJK and emoji is read where it stands, and one that is CJK is itself."""
    found = definitions('x = "🎉你好🎉"; größe = 1\ndef 你好(): pass\n', "python")
    assert [each.name for each in found] == ["x", "größe", "你好"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("nest", ["(", "if (a) {\n"])
def test_deep_nesting(language: str, nest: str) -> None:
    """Code that nests thousands deep is looked at without recursion."""
    text = nest * (3_000 // len(nest))
    definitions(text, language)
    imports(text, language)
    scope_end(text, text, text, language)
    state_at_end(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_text_is_given_up(language: str) -> None:
    """What takes the parser minutes ends in an answer or in none."""
    text = "a = '\"`({[" * 20_000
    tree = parse_part(text, language)
    assert tree is None or tree.root_node.end_byte == len(text)


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    """A megabyte is code, more is data."""
    assert parse("x = 1\n" * 200_000, "python") is None
    assert parses("x" * 1_000_001, "python") is None


def test_a_grammar_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grammar that cannot be loaded is no grammar."""
    monkeypatch.setattr("beastmode.context.syntax.tree._loaded", lambda _grammar: None)
    assert parses("x", "python") is None
    assert definitions("x = 1\n", "python") == []
    assert scope_end("", "x", "", "python") is None
    assert place("", "", "python") == "unknown"


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/a.py", "python"),
        ("C:\\src\\A.TSX", "typescriptreact"),
        ("Makefile", "makefile"),
        ("x/Dockerfile", "dockerfile"),
        (".bashrc", "shellscript"),
        ("a.h", "c"),
        ("README.md", "markdown"),
        ("a.b.yaml", "yaml"),
        ("LICENSE", ""),
        ("py", ""),
        ("", ""),
    ],
)
def test_language_of(path: str, language: str) -> None:
    """By the name, whatever the separator and the case."""
    assert language_of(path) == language
