"""`beastmode run` as a script and as a person see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.background import serving
from tests.support.shop import BETTER, CART, MONEY, block
from typer.testing import CliRunner, Result

from beastmode.faces.cli.main import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(BETTER) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ModelServer) -> Path:
    """A workspace, in which the command is run."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    root = tmp_path / "w"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "money.py").write_text(MONEY)
    monkeypatch.chdir(root)
    fields = {"model_name": "Mine", "model_id": "mine", "endpoint_url": server.base, "provider": "openai-compatible"}
    added = beastmode("models", "add", "--stdin-json", "--force", stdin=json.dumps(fields | {"price": "0.5/1.5"}))
    assert added.exit_code == 0, added.output
    assert beastmode("models", "select", "mine").exit_code == 0
    return root


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person typed what is given as standard input."""
    monkeypatch.setattr("beastmode.faces.cli.tasks.is_asked", lambda: True)


def test_where_nobody_can_be_asked_the_diff_is_printed_and_nothing_written(root: Path) -> None:
    """A pipe gets a patch on standard output, all else on standard error."""
    said = beastmode("run", "refactor", "use sum()", "--file", "cart.py")
    assert said.exit_code == 0, said.output
    assert "+    return rounded(sum(prices) * (1 + tax))" in said.stdout
    assert said.stdout.startswith("diff --git a/cart.py b/cart.py\n")
    assert "Nothing was written" in said.stderr
    assert "Public names: all" in said.stderr
    assert (root / "cart.py").read_text() == CART


def test_yes_writes(root: Path) -> None:
    """--yes writes what was shown; --dry-run wins over it."""
    assert beastmode("run", "refactor", "use sum()", "--file", "cart.py", "--yes", "--dry-run").exit_code == 0
    assert (root / "cart.py").read_text() == CART
    said = beastmode("run", "refactor", "use sum()", "--file", "cart.py:7-11", "--yes")
    assert said.exit_code == 0, said.output
    assert "sum(prices)" in (root / "cart.py").read_text()
    assert (root / "money.py").read_text() == MONEY


@pytest.mark.parametrize(
    ("typed", "written"),
    [("yes\n", {"cart.py", "money.py"}), ("no\n", set()), ("each\ny\nn\n", {"cart.py"}), ("\n", set())],
)
def test_a_person_says_yes_no_or_each_file(
    root: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch, typed: str, written: set[str]
) -> None:
    """Only the files that the answer allows are written."""
    at_a_terminal(monkeypatch)
    server.script = BETTER + block("money.py", "    return round(amount, 2)\n", "    return round(amount, 3)\n")
    said = CliRunner().invoke(build(), ["run", "refactor", "x", "-f", "cart.py", "-f", "money.py"], input=typed)
    assert said.exit_code == 0, said.output
    before = {"cart.py": CART, "money.py": MONEY}
    assert {name for name, text in before.items() if (root / name).read_text() != text} == written


def test_json_has_everything(root: Path) -> None:
    """One object with the diff, the checks, model and cost."""
    said = beastmode("run", "refactor", "use sum()", "--file", "cart.py", "--json")
    result = json.loads(said.stdout)
    assert result["summary"] == "Changes cart.py"
    assert result["files"] == [{"kind": "change", "path": "cart.py", "new_path": None, "added": 1, "removed": 4}]
    assert (result["model"], result["written"]) == ("custom:mine", False)
    assert float(result["cost"]) > 0
    assert all(check["ok"] for check in result["checks"])


def test_a_failure_says_what_to_do_and_exits_with_1(root: Path, server: ModelServer) -> None:
    """In words, and as JSON; nothing is written."""
    server.script = block("../../etc/passwd", "a\n", "b\n")
    said = beastmode("run", "refactor", "x", "--file", "cart.py", "--yes")
    assert said.exit_code == 1
    assert "leads upwards" in said.stderr
    said = beastmode("run", "refactor", "x", "--file", "cart.py", "--yes", "--json")
    assert json.loads(said.stdout)["kind"] == "path_refused"
    assert (root / "cart.py").read_text() == CART


def test_what_a_terminal_could_obey_is_spelt_out(root: Path, server: ModelServer) -> None:
    """Escape sequences and letters that turn the line around are seen, not done."""
    server.script = block("cart.py", "    result = 0\n", "    result = 0  # \x1b[2J \u202e\n")
    said = beastmode("run", "refactor", "x", "--file", "cart.py")
    assert "\x1b[2J" not in said.output
    assert "\u202e" not in said.output


def test_an_explanation_is_printed(root: Path, server: ModelServer) -> None:
    """Text goes to standard output."""
    server.script = "It adds up prices."
    said = beastmode("run", "explain", "--file", "cart.py")
    assert said.stdout == "It adds up prices.\n"


def test_an_unknown_task_is_refused(root: Path) -> None:
    """The known ones are named."""
    said = beastmode("run", "sing", "x")
    assert said.exit_code == 2
    assert "refactor" in said.output


TESTS = "```python\nfrom cart import total\n\n\ndef test_it_adds():\n    assert total([1, 2], 0) == 3\n```"


def test_tests_that_were_not_run_are_called_so(root: Path, server: ModelServer) -> None:
    """The diff is a new file; nothing says that anything passed."""
    server.script = TESTS
    said = beastmode("run", "tests", "--file", "cart.py:7-11")
    assert said.exit_code == 0, said.output
    assert "+def test_it_adds():" in said.stdout
    assert "! Generated tests: not run: The tests of w are not run: you were not asked yet" in " ".join(
        said.stderr.split()
    )
    assert "passed" not in said.output
    told = json.loads(beastmode("run", "tests", "--file", "cart.py:7-11", "--json").stdout)
    assert told["tests"] is None
    assert told["files"][0]["path"] == "tests/test_cart.py"
    said = beastmode("run", "tests", "--file", "cart.py", "--file", "money.py")
    assert said.exit_code == 1
    assert "more than one file" in said.stderr


def test_a_batch_of_tests(root: Path, server: ModelServer) -> None:
    """Two orders of one file: the second one adds to what the first one has written, or makes a file beside it."""
    server.script = lambda asked: TESTS if "`total`" in str(asked.body) else TESTS.replace("adds", "adds_more")
    batch = root.parent / "orders.jsonl"
    batch.write_text('{"file": "cart.py:7-11"}\n{"file": "cart.py:14-20"}\n')
    said = beastmode("run", "tests", "--batch", str(batch), "--yes")
    assert said.exit_code == 0, said.output
    text = (root / "tests" / "test_cart.py").read_text()
    assert text.count("from cart import total") == 1
    assert "def test_it_adds():" in text
    assert "def test_it_adds_more():" in text


ORDERS = [
    {"file": "cart.py", "instruction": "use sum()"},
    {"file": "nowhere.py", "instruction": "x"},
    {"files": ["money.py"], "task": "explain"},
    {"nothing": 1},
]


def test_a_batch_reports_every_order_and_goes_on_where_it_stopped(root: Path, server: ModelServer) -> None:
    """One bad order stops no other; a second run repeats only what failed."""
    batch = root.parent / "orders.jsonl"
    batch.write_text("".join(f"{json.dumps(each)}\n" for each in ORDERS))
    said = beastmode("run", "refactor", "--batch", str(batch), "--yes", "--json")
    assert said.exit_code == 1, said.output
    *lines, total = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line["state"] for line in sorted(lines, key=lambda line: line["line"])] == [
        "written",
        "failed",
        "text",
        "failed",
    ]
    assert (total["orders"], total["done"], total["failed"]) == (4, 2, 2)
    assert float(total["cost"]) > 0
    assert float(total["savings"]) > 0
    assert "sum(prices)" in (root / "cart.py").read_text()
    asked = server.stats.requests
    said = beastmode("run", "refactor", "--batch", str(batch), "--yes", "--json")
    *lines, total = [json.loads(line) for line in said.stdout.splitlines()]
    assert server.stats.requests == asked
    assert total["done_before"] == 2
    assert total["failed"] == 2


def test_a_batch_without_yes_writes_nothing(root: Path) -> None:
    """It says what it would do, and is not remembered as done."""
    batch = root.parent / "orders.jsonl"
    batch.write_text(json.dumps(ORDERS[0]))
    said = beastmode("run", "refactor", "--batch", str(batch))
    assert said.exit_code == 0, said.output
    assert "sum(prices)" in said.stdout
    assert (root / "cart.py").read_text() == CART


@pytest.mark.e2e
def test_the_tests_that_cover_a_change_are_run_where_the_user_allowed_it(root: Path) -> None:
    """Without a yes nothing is run and nothing claimed; after `beastmode allow` the check says what was run."""
    (root / "test_cart.py").write_text(
        "import unittest\nfrom cart import total\n\n\n"
        "class Totals(unittest.TestCase):\n    def test_it_adds(self):\n        self.assertEqual(total([1, 2], 0), 3)\n"
    )
    silent = beastmode("run", "refactor", "use sum()", "--file", "cart.py")
    assert "Tests that cover it" not in silent.stderr
    assert beastmode("allow", "--yes").exit_code == 0
    said = beastmode("run", "refactor", "use sum()", "--file", "cart.py")
    assert said.exit_code == 0, said.output
    assert "1 test in 1 file passed before and passes now" in said.stderr
    assert beastmode("allow", "--no").exit_code == 0
    again = beastmode("run", "refactor", "use sum()", "--file", "cart.py")
    assert "Tests that cover it" not in again.stderr
