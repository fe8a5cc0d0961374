"""Tests that expect nothing are told from those that do, in the languages whose tests can be run."""

from __future__ import annotations

import pytest

from beastmode.tasks.verify.expecting import expecting_nothing

NOTHING = {
    "python": """
def test_a():
    half(4)  # assert that it runs

def test_b():
    "assert half(4)"
    x = half(4)
    assert True

class TestC:
    def test_d(self):
        try:
            half(None)
        except TypeError:
            pass
""",
    "typescript": """
it("a", () => { half(4); });
describe("b", () => { test("c expects", () => { expect(true).toBe(true); /* expect(x) */ }); });
""",
    "go": "package p\n\nfunc TestA(t *testing.T) {\n\tHalf(4)\n}\n",
    "rust": "#[test]\nfn a() {\n    half(4);\n}\n",
    "java": "class A {\n    @Test\n    void a() {\n        half(4);\n    }\n}\n",
}
SOMETHING = {
    "python": """
import numpy as np

def _same(x, y):
    assert x == y

def test_a():
    assert half(4) == 2

def test_b():
    with pytest.raises(TypeError):
        half(None)

def test_c():
    _same(half(4), 2)

def test_d():
    np.testing.assert_allclose(half(4), 2)

def test_e():
    try:
        half(None)
    except TypeError:
        return
    pytest.fail("no error")

class TestF(unittest.TestCase):
    def test_g(self):
        self.assertRaises(TypeError, half, None)

    def test_h(self):
        with self.assertWarns(UserWarning): half(4)
""",
    "javascript": """
const same = (a, b) => { expect(a).toBe(b); };
it("a", () => { expect(half(4)).toBe(2); });
it("b", () => { same(half(4), 2); });
test("c", () => assert.throws(() => half(null)));
test("d", () => { half(4).should.equal(2); });
test("e", async () => { await assert.rejects(half(null)); });
test("f", () => { expect(true).toBe(half(4) === 2); });
test.each([[1, 2]])("g %i", (a, b) => { expect(a).toBe(b); });
""",
    "go": 'package p\n\nfunc TestA(t *testing.T) {\n\tif Half(4) != 2 {\n\t\tt.Errorf("no")\n\t}\n}\n',
    "rust": "#[test]\n#[should_panic]\nfn a() {\n    half(4);\n}\n\n#[test]\nfn b() {\n    assert!(half(4), 2);\n}\n",
    "java": "class A {\n    @Test(expected = X.class)\n    void a() {\n        half(4);\n    }\n}\n",
}


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("python", ["test_a", "test_b", "TestC.test_d"]),
        ("typescript", ["a", "b c expects"]),
        ("go", ["TestA"]),
        ("rust", ["a"]),
        ("java", ["A.a"]),
    ],
)
def test_a_test_that_only_runs_the_code_expects_nothing(language: str, names: list[str]) -> None:
    """Whatever its comments and strings say, and however sure its constants are."""
    assert expecting_nothing(NOTHING[language], language) == names


@pytest.mark.parametrize("language", sorted(SOMETHING))
def test_values_errors_and_helpers_are_expectations(language: str) -> None:
    """In every way in which they are written."""
    assert expecting_nothing(SOMETHING[language], language) == []
