"""Faults put into code: which, where, and never one that changes nothing."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.syntax import parses
from beastmode.tasks.verify.mutations import mutations

CODE = {
    "python": '''def clamp(x, low=0, high=10):
    """Between two."""
    if x < low and x is not None:
        return low
    for i in range(3):
        x += i * 2
    note = "told"
    save(note)
    return high if x > high else x
''',
    "typescript": """export function f(a: number, b: number): number | string {
  if (a === b) {
    return "same";
  }
  let c = a + b * 2;
  c += 1;
  return c > 3 ? 7 : c;
}
""",
    "rust": "pub fn f(a: i32) -> i32 {\n    let mut b = a + 2;\n    if a > 3 {\n        b += 1;\n    }\n    b * 2\n}\n",
    "go": "package p\n\nfunc F(a int) int {\n\tif a > 3 {\n\t\treturn 1\n\t}\n\tb := a + 2\n\tb++\n\treturn b\n}\n",
    "java": """class A {
  static int f(int a) {
    if (a > 3 && a != 5) {
      return 1;
    }
    int b = a * 2;
    b += 1;
    return b;
  }
}
""",
}
WANTED = {
    "python": {"operator", "constant", "condition", "dropped statement", "early return"},
    "typescript": {"operator", "constant", "condition", "dropped statement", "early return"},
    "rust": {"operator", "constant", "condition", "dropped statement"},
    "go": {"operator", "constant", "condition"},
    "java": {"operator", "constant", "condition", "dropped statement"},
}


@pytest.mark.parametrize("language", sorted(CODE))
def test_every_kind_of_fault_is_made_and_can_be_read(language: str) -> None:
    """Each kind that the language allows; each mutant parses, and differs in one place only."""
    text = CODE[language]
    found = mutations(text, language, most=200)
    assert {fault.kind for fault in found} == WANTED[language]
    for fault in found:
        assert parses(fault.text, language)
        assert fault.text != text
        assert fault.text.count("\n") == text.count("\n") - fault.before.count("\n") + fault.after.count("\n")


def test_only_the_asked_lines_are_touched() -> None:
    """What is tested is what is broken."""
    found = mutations(CODE["python"], "python", range(2, 4), most=200)
    assert found
    assert {fault.line for fault in found} <= {2, 3}
    before = CODE["python"].split("\n")
    for fault in found:
        after = fault.text.split("\n")
        assert after[:2] == before[:2]
        assert after[-5:] == before[-5:]


def test_the_same_seed_gives_the_same_faults_and_another_another_order() -> None:
    """A verdict can be had again."""
    first = mutations(CODE["python"], "python", seed=3, most=6)
    assert first == mutations(CODE["python"], "python", seed=3, most=6)
    assert any(first != mutations(CODE["python"], "python", seed=seed, most=6) for seed in range(4, 9))


def test_every_line_is_broken_once_before_any_is_twice() -> None:
    """Few faults reach as many tests as they can."""
    lines = [fault.line for fault in mutations(CODE["python"], "python", most=6)]
    assert len(set(lines)) == 6


@pytest.mark.parametrize(
    "line",
    [
        'print("hello", 1)',
        'logger.info("x %s", 3)',
        "pass",
        '"""Only words."""',
        "return None",
        "import os",
        "y = x",
        "a, b = x",
    ],
)
def test_what_changes_nothing_is_left_alone(line: str) -> None:
    """Nobody can write a test that notices it."""
    found = mutations(f"def f(x):\n    {line}\n    g(x)\n", "python", range(1, 2), most=50)
    assert [str(fault) for fault in found if fault.kind != "early return"] == []


@pytest.mark.parametrize("code", ["x + 0", "x - 0", "x * 1", "x / 1", "x ** 1", "x << 0"])
def test_an_operator_that_does_nothing_is_not_swapped(code: str) -> None:
    """`x - 0` is `x + 0`."""
    found = mutations(f"def f(x):\n    return {code}\n", "python", most=50)
    assert "operator" not in {fault.kind for fault in found}
    assert "constant" in {fault.kind for fault in found}


def test_no_fault_in_the_part_that_only_a_script_runs() -> None:
    """`if __name__ == "__main__"` is never imported by a test."""
    assert mutations('if __name__ == "__main__":\n    main(1)\n', "python", most=50) == []


def test_a_language_without_rules_has_no_faults() -> None:
    """Better none than wrong ones."""
    assert mutations("a = 1", "ruby") == []
    assert mutations("a = 1", "markdown") == []


def test_strings_and_comments_are_no_code() -> None:
    """An operator in a text is a letter."""
    found = mutations('def f():\n    # 1 < 2\n    return "1 + 2"\n', "python", most=50)
    assert {fault.kind for fault in found} <= {"constant", "dropped statement", "early return"}
    assert all(fault.line == 2 for fault in found)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="abif():=+-<>0 \n\té\"'#", max_size=120))
def test_any_text_gives_readable_mutants(text: str) -> None:
    """Whatever stands in the file."""
    for fault in mutations(text, "python", most=5):
        assert ast.dump(ast.parse(fault.text)) != ast.dump(ast.parse(text))
