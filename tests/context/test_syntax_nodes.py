"""The flat list of a syntax tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.syntax.nodes import TooMuch, syntax

LANGUAGES = ["python", "typescript", "go", "rust", "java", "c", "cpp", "csharp", "ruby", "php", "shellscript"]
PIECES = (
    "def f(a):",
    "if x {",
    "}",
    ")",
    "(",
    "\n  ",
    "\n",
    "return 1",
    "你好 = 🎉",
    "'",
    '"',
    "/*",
    "#",
    "class K",
    ";",
)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join), st.sampled_from(LANGUAGES))
def test_the_list_is_the_tree(text: str, language: str) -> None:
    """Children lie within their parents, one after the other, and every node is a child of exactly one."""
    found = syntax(text, language)
    assert found is not None
    seen = {0}
    for node in found.nodes:
        end = node.start
        for child in found.children(node):
            assert found.parent(child) is node
            assert end <= child.start <= child.end <= node.end
            end = child.end
            seen.add(child.number)
        assert 0 <= found.row(node) <= found.end_row(node) <= text.count("\n")
        assert found.below(node) == [each for each in found.nodes if node.number < each.number < node.after]
    assert seen == set(range(len(found.nodes)))


def test_a_node_says_its_text_beyond_ascii() -> None:
    """Offsets count code points, whatever the parser counts."""
    found = syntax("x = '🎉'\nnäme = 1\n", "python")
    assert found is not None
    assert [found.say(node) for node in found.of(("identifier", "string"))] == ["x", "'🎉'", "näme"]


def test_what_the_grammar_does_not_understand_is_not_sound() -> None:
    """A rule that must be certain can tell."""
    found = syntax("def f():\n    return 1\n\ndef g(:\n    ) = 2\n", "python")
    assert found is not None
    assert found.is_sound(found.of(("function_definition",))[0])
    assert not found.is_sound(found.root)


@pytest.mark.parametrize("text", ["(" * 1_010 + "1" + ")" * 1_010, "x = " + "-" * 5_000 + "1"])
def test_a_text_that_nests_too_deep_has_none(text: str) -> None:
    """Nobody wrote that, and looking up from every node of it would take its square."""
    assert syntax(text, "python") is None


def test_work_without_end_is_stopped() -> None:
    """Questions whose cost a text decides are counted."""
    found = syntax("x = 1\n", "python")
    assert found is not None
    with pytest.raises(TooMuch):
        found.spend(10_000_000)
