"""The tests in an answer, whatever stands around them."""

from __future__ import annotations

import pytest

from beastmode.tasks.edits import CannotApply, Limits
from beastmode.tasks.testing.answer import read_tests

ONE = "def test_one():\n    assert 1\n"
TWO = "def test_two():\n    assert 2\n"


def read(answer: str, language: str = "python") -> str:
    return read_tests(answer, language, Limits())


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
