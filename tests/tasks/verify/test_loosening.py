"""A test without the expectation that did not hold."""

from __future__ import annotations

import pytest

from beastmode.tasks.verify.loosening import loosened

TEXT = """import unittest


def test_many():
    assert half(4) == 2
    assert half(
        2
    ) == 2
    assert half(0) == 0


class Halves(unittest.TestCase):
    def test_two(self):
        x = half(8)
        self.assertEqual(x, 3)
        self.assertTrue(x)


def test_one():
    assert half(1) == 1
"""


@pytest.mark.parametrize(
    ("name", "message", "gone"),
    [
        ("test_many", "E   assert 1.0 == 2\n\ntests/test_a.py:6: AssertionError", "assert half( 2 ) == 2"),
        ("test_many", "test_a.py:5: in test_many\n    x\ntests/test_a.py:9: AssertionError", "assert half(0) == 0"),
        ("Halves.test_two", 'File "/x/tests/test_a.py", line 15, in test_two', "self.assertEqual(x, 3)"),
        ("test_many", "tests/test_a.py:900: AssertionError", ""),
        ("test_many", "other_test_a.py:6: AssertionError", ""),
        ("test_many", "it failed", ""),
        ("Halves.test_two", "tests/test_a.py:14: TypeError", ""),
        ("test_one", "tests/test_a.py:20: AssertionError", ""),
        ("test_unknown", "tests/test_a.py:6: AssertionError", ""),
    ],
)
def test_only_what_did_not_hold_goes_and_never_the_last(name: str, message: str, gone: str) -> None:
    """Whole statements, of the test that failed, where the runner says so."""
    found = loosened(TEXT, "tests/test_a.py", "python", {name: message})
    if not gone:
        assert found is None
        return
    assert found is not None
    assert found.taken_out == (gone,)
    assert TEXT.count("assert") - found.text.count("assert") == 1
    assert "def test_one" in found.text


def test_several_tests_and_scripts() -> None:
    """One of each at a time."""
    messages = {"test_many": "test_a.py:5: AssertionError", "Halves.test_two": "test_a.py:16: AssertionError"}
    found = loosened(TEXT, "test_a.py", "python", messages)
    assert found is not None
    assert found.taken_out == ("assert half(4) == 2", "self.assertTrue(x)")
    script = "test('a', () => {\n  expect(half(4)).toBe(2);\n  expect(half(2)).toBe(2);\n});\n"
    found = loosened(script, "a.test.js", "javascript", {"a": "at Object.<anonymous> (tests/a.test.js:3:19)"})
    assert found is not None
    assert found.text == "test('a', () => {\n  expect(half(4)).toBe(2);\n});\n"
    assert loosened("package a\n", "a_test.go", "go", {"TestA": "a_test.go:3: x"}) is None
