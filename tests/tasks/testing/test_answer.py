"""The tests in an answer, whatever stands around them."""

from __future__ import annotations

import pytest

from beastmode.tasks.edits import CannotApply, Limits
from beastmode.tasks.testing.answer import read_tests
from beastmode.tasks.verify.testcode import source_tests

ONE = "def test_one():\n    assert 1\n"
TWO = "def test_two():\n    assert 2\n"


def read(answer: str, language: str = "python") -> str:
    return read_tests(answer, language, Limits()).text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (f"```python\n{ONE}```", ONE),
        (f"Sure!\n\n```python tests/test_a.py\n{ONE}```\nRun it:\n\n```sh\npytest\n```\n", ONE),
        (f"<think>\n```python\n{TWO}```\n</think>\n```\n{ONE}```", ONE),
        (f"The code:\n```python\ndef half(x): ...\n```\nTests:\n```python\n{ONE}```", ONE),
        (f"```python\n{ONE}```\nand\n```python\n{TWO}```", f"{ONE}\n\n{TWO}"),
        (f"````md\n{ONE}````", ONE),
        (f"```python\n{ONE}", ONE),
        (ONE, ONE),
        (f"```python\n{ONE}\n\ndef test_cut():\n    assert half(", f"{ONE}"),
        (f"```python\n{TWO}    assert 3\n    assert [1, 2", f"{TWO}    assert 3\n"),
        (f"- so:\n  ```python\n  {ONE.replace(chr(10), chr(10) + '  ')}\n  ```", ONE + "\n"),
    ],
)
def test_the_tests_are_found(answer: str, text: str) -> None:
    """Prose, thinking, other blocks, a forgotten fence: none of it gets into the file."""
    assert read(answer).rstrip() == text.rstrip()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "no test"),
        ("I cannot do that.", "no test"),
        ("```python\nprint('hello')\n```", "no test"),
        ("```python\ndef test_one(:\n    assert 1\ndef test_two():\n    pass\n```", "syntax errors"),
        (f"```python\n{ONE}```\n```python\n{ONE}```", "same names"),
        ("<think>" + ONE, "still thinking"),
        ("x" * 9_000_000, "too long"),
        ("\n" * 400_000, "too long"),
    ],
)
def test_what_holds_no_tests_is_said(answer: str, said: str) -> None:
    """The model is told what to do instead."""
    with pytest.raises(CannotApply, match=said) as raised:
        read(answer)
    assert raised.value.advice


def test_tests_of_other_languages() -> None:
    """What is a test is the language's own."""
    assert "it(" in read("```js\nit('adds', () => { expect(1).toBe(1); });\n```", "javascript")
    assert "TestA" in read("```go\npackage a\n\nfunc TestA(t *testing.T) {}\n```", "go")


@pytest.mark.parametrize(
    ("answer", "is_cut", "text", "missing"),
    [
        (f"```python\n{ONE}{TWO}    assert half", True, ONE + TWO, "token limit ended its answer: test_two may be"),
        (f"{ONE}{TWO}    assert half", True, ONE + TWO, "test_two may be without its end"),
        (f"```python\n{ONE}\n\ndef test_two():\n    x =", True, ONE, "test_one may be without its end"),
        (f"```python\n{ONE}```\nThey che", True, ONE, ""),
        (f"```python\n{ONE}", False, ONE, ""),
        (
            f"```python\n{ONE}\n\ndef test_two():\n    assert [1,\n```",
            False,
            ONE,
            "the end of the answer cannot be read",
        ),
    ],
)
def test_what_is_missing_is_said(answer: str, is_cut: bool, text: str, missing: str) -> None:  # noqa: FBT001 - a row
    """The line at which a limit cut is half of one, even where it can be read; nothing goes without a word."""
    given = read_tests(answer, "python", Limits(), is_cut=is_cut)
    assert given.text.rstrip() == text.rstrip()
    assert missing in given.missing
    assert bool(given.missing) == bool(missing)


@pytest.mark.parametrize(
    "cut",
    [
        '  it("b',
        '  it("b", () => {',
        '  it("b", () => {\n    expect(half(',
        '  it("b", () => {\n    expect(1).toBe(2);\n  ',
    ],
)
def test_groups_that_a_limit_left_open_are_closed(cut: str) -> None:
    """Tests of scripts stand in a group, whose end is the last thing that a model says."""
    whole = 'describe("half", () => {\n  it("a", () => {\n    expect(1).toBe(1);\n  });\n'
    given = read_tests(f"```js\n{whole}{cut}", "javascript", Limits(), is_cut=True)
    names = [test.name for test in source_tests(given.text, "javascript")]
    assert names in (["half a"], ["half a", "half b"])
    assert ("half b" in names) == ("toBe(2)" in cut)
    assert "may be without its end" in given.missing
    given = read_tests(f"```js\n{whole}```", "javascript", Limits())
    assert given.text == whole + "});\n"
    assert given.missing.startswith("the end of the answer cannot be read as code")
