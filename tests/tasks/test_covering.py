"""The tests that cover a change are run where the user allowed it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.shop import CART, MONEY

from beastmode.tasks.covering import NAME, Covering
from beastmode.tasks.edits import Change, FileEdit
from beastmode.tasks.verify import Consent, Kind

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Check

TESTS = """import unittest

from cart import total


class Totals(unittest.TestCase):
    def test_it_adds(self):
        self.assertEqual(total([1, 2], 0), 3)

    def test_it_never_passed(self):
        self.assertEqual(total([1], 0), 2)
"""


class Said:
    """Answers in memory."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], bool | None] = {}

    async def read(self, workspace: str, kind: str) -> bool | None:
        return self.answers.get((workspace, kind))

    async def write(self, workspace: str, kind: str, allowed: bool | None) -> None:  # noqa: FBT001 - as in Decisions
        self.answers[workspace, kind] = allowed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "w"
    (root / "tests").mkdir(parents=True)
    for name, text in (("cart.py", CART), ("money.py", MONEY), ("tests/test_cart.py", TESTS)):
        (root / name).write_text(text)
    return root


async def checked(root: Path, after: str, *more: FileEdit, allowed: bool | None, trusted: bool = True) -> list[Check]:
    consent = Consent(Said(), lambda _: trusted)
    if allowed is not None:
        await consent.decide(root, Kind.TESTS, allowed)
    change = Change((FileEdit("cart.py", "change", after, None, CART, "0"), *more), "")
    return await Covering(consent, root.parent / "copies")(root, change)


@pytest.mark.parametrize("allowed", [None, False])
async def test_without_a_yes_nothing_is_run_and_nothing_is_claimed(root: Path, *, allowed: bool | None) -> None:
    """No check is listed, and no copy was made."""
    assert await checked(root, CART, allowed=allowed) == []
    assert not (root.parent / "copies").exists()


async def test_an_untrusted_workspace_runs_nothing(root: Path) -> None:
    """Whatever was said before."""
    assert await checked(root, CART, allowed=None, trusted=False) == []


@pytest.mark.e2e
async def test_what_passed_before_must_pass_afterwards(root: Path) -> None:
    """A broken total is noticed by name; a better one passes; a test that never passed says nothing."""
    (worse,) = await checked(root, CART.replace("result + price", "result - price"), allowed=True)
    assert (worse.name, worse.ok, worse.is_needed) == (NAME, False, True)
    assert "test_it_adds" in worse.evidence
    assert "never_passed" not in worse.evidence
    assert str(root) not in worse.evidence
    (better,) = await checked(root, CART.replace("result = result + price", "result += price"), allowed=True)
    assert better.ok
    assert better.evidence.startswith("1 test in 1 file passed before")
    assert (root / "cart.py").read_text() == CART


@pytest.mark.e2e
async def test_a_change_of_the_tests_themselves_is_told(root: Path) -> None:
    """What passes now is then no longer what passed before; a deleted test does not count as one that never passed."""
    other = TESTS.replace("total([1, 2], 0), 3", "1, 1")
    (weaker,) = await checked(
        root, CART, FileEdit("tests/test_cart.py", "change", other, None, TESTS, "0"), allowed=True
    )
    assert weaker.evidence.endswith("; the change itself touches tests/test_cart.py")
    (none,) = await checked(root, CART, FileEdit("tests/test_cart.py", "delete", None, None, TESTS, "0"), allowed=True)
    assert not none.ok
    assert "is left, so nothing is known; the change itself touches tests/test_cart.py" in none.evidence
