"""New tests at the end of a file that is there, or a good reason to make a new file."""

from __future__ import annotations

import pytest

from beastmode.context.syntax import parses
from beastmode.tasks.testing.adding import added
from beastmode.tasks.verify.testcode import source_tests

OLD = '''"""Tests of the cart."""

import pytest

from cart import total


def test_it_adds():
    assert total([1], 0) == 1
'''
NEW = """import pytest
from money import rounded

from cart import Cart, total


def test_empty():
    assert total([], 0) == 0


def test_cart():
    assert Cart().prices == [] == [rounded(x) for x in []]


if __name__ == "__main__":
    pytest.main()
"""


def test_imports_go_to_the_imports_and_tests_to_the_end() -> None:
    """Every line that was there stays, in its order; nothing is imported twice; no main is brought along."""
    text = added(OLD, NEW, "python")
    assert text == (
        '"""Tests of the cart."""\n\nimport pytest\n\nfrom cart import total\n'
        "from money import rounded\nfrom cart import Cart, total\n\n\n"
        "def test_it_adds():\n    assert total([1], 0) == 1\n\n\n"
        "def test_empty():\n    assert total([], 0) == 0\n\n\n"
        "def test_cart():\n    assert Cart().prices == [] == [rounded(x) for x in []]\n"
    )


def test_the_main_of_a_file_stays_at_its_end() -> None:
    """Tests behind it would never be run by it."""
    main = 'if __name__ == "__main__":\n    pytest.main()\n'
    text = added(f"{OLD}\n\n{main}", NEW, "python")
    assert text is not None
    assert text.endswith(f"\n\n\n{main}")
    assert text.index("test_cart") < text.index("__main__")


@pytest.mark.parametrize(
    "new",
    [
        # It would hide the test that is there.
        "from cart import total\n\ndef test_it_adds():\n    assert total([1], 0) == 2\n",
        # It would change what the others test.
        "from money import total\n\ndef test_b():\n    assert total\n",
        "import cart as pytest\n\ndef test_b():\n    assert pytest\n",
        "def total(x, y):\n    return 0\n\ndef test_b():\n    assert total(1, 2) == 0\n",
        "total = None\n\ndef test_b():\n    assert total is None\n",
        "class total:\n    pass\n\ndef test_b():\n    assert total\n",
    ],
)
def test_a_name_of_both_sides_makes_a_new_file(new: str) -> None:
    """No test that is there can be hidden or given another meaning."""
    assert added(OLD, new, "python") is None


def test_scripts() -> None:
    """No name is imported twice, which a script may not."""
    old = "import { total } from '../cart.js';\nimport { test } from 'vitest';\n\ntest('a', () => { total(); });\n"
    new = "import { test } from 'vitest';\nimport { half } from '../cart.js';\n\ntest('b', () => { half(); });\n"
    text = added(old, new, "javascript")
    assert text is not None
    assert parses(text, "javascript")
    assert [test.name for test in source_tests(text, "javascript")] == ["a", "b"]
    assert text.count("vitest") == 1
    partly = new.replace("{ half }", "{ half, total }")
    assert added(old, partly, "javascript") is None
    assert added(old, new.replace("'b'", "'a'"), "javascript") is None
    required = "const { total } = require('./cart');\nit('c', () => { total(); });\n"
    assert added("const { total } = require('./cart');\nit('a', () => { total(); });\n", required, "javascript")


def test_other_languages_get_a_file_of_their_own() -> None:
    """What a package may not have twice is not ours to guess."""
    assert added("package a\n", "package a\n\nfunc TestB(t *testing.T) {}\n", "go") is None
    assert added("class A {}", "class B {}", "java") is None
