"""What is to be tested, with what, and where the tests go, as a project's files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from beastmode.tasks.materials import Target, desk_of
from beastmode.tasks.testing.aim import Aim, aim_at, beside
from beastmode.tasks.verify import NoRunner

CODE = """def total(prices):
    return sum(prices)


class Cart:
    def add(self, price):
        self.prices.append(price)

    def clear(self):
        self.prices = []


def _private():
    pass
"""


def aim(root: Path, files: dict[str, str], path: str, line: int | None = None, end: int | None = None) -> Aim:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    target = Target(path, tuple((root / path).read_text().split("\n")[:-1]), line, end)
    return aim_at(root, target, desk_of(str(root), ()))


def test_a_new_file_where_the_project_keeps_its_tests(tmp_path: Path) -> None:
    """The framework is the project's, another file's tests are the example, and the code's names are said."""
    files = {
        "src/shop/cart.py": CODE,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "tests/test_money.py": "def test_money():\n    assert 1\n",
    }
    found = aim(tmp_path, files, "src/shop/cart.py")
    assert (found.runner.name, found.path, found.extends) == ("pytest", "tests/test_cart.py", False)
    assert [target.path for target in found.shown] == ["tests/test_money.py", "src/shop/cart.py"]
    assert "example" in found.shown[0].why
    words = found.words("Mind the empty cart.")
    assert "pytest tests for `total`, `Cart` of src/shop/cart.py" in words
    assert "from shop.cart import total, Cart" in words
    assert words.endswith("Mind the empty cart.")


def test_the_file_that_is_there_gets_more(tmp_path: Path) -> None:
    """Where one expects the tests of a file, and they are; a new one is never one that exists."""
    files = {
        "cart.py": CODE,
        "pytest.ini": "",
        "tests/test_cart.py": "from cart import total\n\ndef test_a():\n    pass\n",
    }
    found = aim(tmp_path, files, "cart.py")
    assert (found.path, found.extends, found.existing) == ("tests/test_cart.py", True, ("tests/test_cart.py",))
    assert "added to the end of tests/test_cart.py" in found.words("")
    assert "not to be repeated" in found.shown[0].why
    assert beside(tmp_path, found).path == "tests/test_cart_2.py"


def test_of_a_large_file_only_what_matters_is_shown(tmp_path: Path) -> None:
    """And the lines in question are still those of the file."""
    files = {"cart.py": CODE + "\n\ndef more():\n    pass\n" * 60, "pytest.ini": ""}
    found = aim(tmp_path, files, "cart.py", 0, 1)
    assert len(found.target.lines) > 200
    (shown,) = found.shown
    assert "\n".join(shown.lines).strip() == "def total(prices):\n    return sum(prices)"
    assert found.lines == range(2)


@pytest.mark.parametrize(
    ("line", "end", "names"),
    [
        (0, 1, "`total` of"),
        (5, 6, "`Cart.add` of"),
        (5, 5, "`Cart.add` of"),
        (4, 9, "`Cart` of"),
        (5, 9, "`Cart.add`, `Cart.clear` of"),
        (12, 13, "`_private` of"),
        (2, 2, "tests for cart.py"),
    ],
)
def test_lines_mean_functions(tmp_path: Path, line: int, end: int, names: str) -> None:
    """A method is not its class, and a class is not its methods."""
    found = aim(tmp_path, {"cart.py": CODE, "pytest.ini": ""}, "cart.py", line, end)
    assert names in found.words("")
    assert found.lines == range(line, end + 1)


VITEST = {"package.json": '{"devDependencies": {"vitest": "3"}}', "src/users.js": "export const a = 1;\n"}
JEST = {"package.json": '{"devDependencies": {"jest": "3"}}', "src/a.ts": "export const a = 1;\n", "tests/b.txt": ""}


@pytest.mark.parametrize(
    ("files", "path", "found"),
    [
        ({"a.py": CODE}, "a.py", ("unittest", "tests/test_a.py", "from a import")),
        (VITEST, "src/users.js", ("vitest", "src/users.test.js", "`./users.js`")),
        (JEST, "src/a.ts", ("jest", "tests/a.test.ts", "`../src/a`")),
        ({"go.mod": "module a\n", "a/b.go": "package a\n"}, "a/b.go", ("go", "a/b_test.go", "same package")),
        ({"Cargo.toml": "", "src/lib.rs": "pub fn a() {}\n"}, "src/lib.rs", ("cargo", "tests/lib.rs", "public names")),
    ],
)
def test_each_language_has_its_place(
    tmp_path: Path, files: dict[str, str], path: str, found: tuple[str, str, str]
) -> None:
    """Framework, file and import as the project's own tests would have them."""
    runner, test, said = found
    got = aim(tmp_path, files, path)
    assert (got.runner.name, got.path) == (runner, test)
    assert said in got.words("")


def test_a_language_that_nobody_can_test_is_said(tmp_path: Path) -> None:
    """Before any model is asked."""
    with pytest.raises(NoRunner):
        aim(tmp_path, {"a.css": "a {}\n"}, "a.css")
