"""Generated tests from the user's order to tests that were run, with a real runner in a real sandbox."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.open_documents import Tab
from tests.support.scripted_bench import Scripted
from tests.support.shop import CART

from beastmode.registry.users import EVERY, User
from beastmode.tasks.chat import Attachment
from beastmode.tasks.covering import NAME as COVERED
from beastmode.tasks.edits import write
from beastmode.tasks.proposal import Doing, Order, Proposed
from beastmode.tasks.testing.said import NAME, as_data
from beastmode.tasks.testing.trials import Trials
from beastmode.tasks.verify import Judged, Kind
from beastmode.tasks.verify.outcome import State

if TYPE_CHECKING:
    from tests.support.shop import Shop

    from beastmode.tasks.proposal import Proposal

GOOD = """from cart import Cart, total


def test_it_adds():
    assert total([1, 2], 0) == 3


def test_tax_comes_on_top():
    assert total([100], 0.25) == 125
"""
WRONG = """

def test_it_is_wrong():
    assert total([1], 0) == 2
"""
USELESS = """

def test_it_is_useless():
    assert total is not None
"""
EMPTY = """

def test_it_only_runs():
    total([1], 0)
"""
FLAKY = """

def test_it_is_flaky():
    assert total([], 0) == 0
"""
MIXED = """

def test_it_is_mixed():
    assert total([2], 0) == 2
    assert total([2], 0) == 5
"""
THEIRS = """import pytest

from cart import Cart


def test_a_cart_is_empty():
    assert Cart().prices == []
"""


def fenced(*parts: str) -> str:
    return f"Here are the tests:\n\n```python\n{''.join(parts)}```\nRun them with pytest.\n"


def evidence(proposal: Proposal, name: str) -> str:
    (check,) = [check for check in proposal.checks if check.name == name]
    return check.evidence


async def test_without_a_yes_the_tests_are_shown_as_not_run(shop: Shop) -> None:
    """Nothing is claimed, the reason and what to do are said, and nothing is copied or written."""
    before = shop.files()
    shop.says(fenced(GOOD))
    proposal = await shop.proposal("tests", "", "cart.py")
    assert proposal.change is not None
    assert [(edit.kind, edit.path, edit.text) for edit in proposal.change.edits] == [
        ("create", "tests/test_cart.py", GOOD)
    ]
    assert evidence(proposal, NAME).startswith("not run: The tests of w are not run: you were not asked yet")
    assert proposal.verdict is None
    events = await shop.events(Order("tests", "", (Attachment("cart.py"),)))
    assert not any(isinstance(event, Doing) and event.text.startswith(("Copying", "Running")) for event in events)
    assert not any("kept" in check.evidence for check in proposal.checks)
    assert not any(check.name in ("Cut off", "Without expectations") for check in proposal.checks)
    shop.says(fenced(GOOD, EMPTY))
    told = evidence(await shop.proposal("tests", "", "cart.py"), "Without expectations")
    assert told.startswith("test_it_only_runs: ")
    assert shop.files() == before
    assert not (shop.app.settings.paths.home / "copies").exists()
    shop.app.is_trusted = False
    await shop.app.consent.decide(shop.root, Kind.TESTS, None)
    assert "not trusted" in evidence(await shop.proposal("tests", "", "cart.py"), NAME)


async def test_an_answer_without_tests_is_mended_twice_at_most(shop: Shop) -> None:
    """Then the reason is the result."""
    shop.says("I would rather not.", "Really.", fenced(GOOD))
    assert (await shop.proposal("tests", "", "cart.py")).repaired == 2
    assert "holds no test" in shop.questions[1]
    shop.says("I would rather not.")
    failed = await shop.failure("tests", "", "cart.py")
    assert failed.error.kind == "cannot_apply"
    assert len(shop.questions) == 6


async def test_of_a_large_file_the_model_sees_only_what_matters(shop: Shop) -> None:
    """Nothing of the rest comes back as something that was found."""
    (shop.root / "cart.py").write_text(CART + "\n\ndef another():\n    pass\n" * 80)
    shop.says(fenced(GOOD))
    last = (await shop.events(Order("tests", "", (Attachment("cart.py", 5, 9),))))[-1]
    assert isinstance(last, Proposed)
    assert "result = result + price" in shop.questions[0]
    assert "another" not in shop.questions[0]


async def test_what_is_whole_of_an_answer_that_was_cut_off_counts(shop: Shop) -> None:
    """It is only tests, each of which is run by itself; where nothing is whole, the model is asked for fewer."""
    model = shop.app.registry.get("custom:mine")
    await shop.app.registry.add(replace(model, max_tokens=60), None, replace=True)
    long = "\n\ndef test_long():\n    assert total([" + "1, " * 200
    shop.says(fenced(GOOD + long))
    proposal = await shop.proposal("tests", "", "cart.py")
    assert proposal.repaired == 0
    assert proposal.change is not None
    assert (proposal.change.edits[0].text or "").strip() == GOOD.strip()
    assert "test_tax_comes_on_top may be without its end" in evidence(proposal, "Cut off")
    shop.says(fenced(long), fenced("def test_a():\n    pass\n"))
    assert (await shop.proposal("tests", "", "cart.py")).repaired == 1
    assert "were cut off" in shop.questions[2]


@pytest.mark.parametrize(
    ("files", "said"),
    [((), "no file was given"), (("cart.py", "money.py"), "more than one file"), (("style.css",), "No test runner")],
)
async def test_a_wrong_order_is_refused_before_any_model_is_asked(
    shop: Shop, files: tuple[str, ...], said: str
) -> None:
    """One file, in a language whose tests can be run."""
    (shop.root / "style.css").write_text("a {}\n")
    shop.says(fenced(GOOD))
    failed = await shop.failure("tests", "", *files)
    assert said in failed.error.message
    assert failed.error.fix
    assert not shop.questions


async def test_a_place_that_no_model_may_write_is_refused(shop: Shop) -> None:
    """A folder of tests that leads out of the workspace, or that is ignored."""
    (shop.root / "tests").symlink_to(shop.root.parent)
    shop.says(fenced(GOOD))
    assert (await shop.failure("tests", "", "cart.py")).error.kind == "path_refused"
    (shop.root / "tests").unlink()
    (shop.root / ".gitignore").write_text("tests/\n")
    assert (await shop.failure("tests", "", "cart.py")).error.kind == "path_refused"
    assert not shop.questions


@pytest.mark.e2e
async def test_good_tests_are_kept_and_shown_with_what_was_run(allowed: Shop) -> None:
    """For the text that is open: a new file, what was run, the coverage that they gained; nothing is written."""
    text = CART.replace("def total", "def whole").replace("result", "sum_")
    allowed.app.workspace.session.opened(Tab(str(allowed.root / "cart.py"), text))
    before = allowed.files()
    allowed.says(fenced(GOOD.replace("total", "whole")))
    events = await allowed.events(Order("tests", "", (Attachment("cart.py", 5, 9),)))
    last = events[-1]
    assert isinstance(last, Proposed), last
    proposal = last.proposal
    assert any(isinstance(event, Doing) and "another order" in event.text for event in events)
    assert evidence(proposal, NAME) == "2 of 2 kept (pytest): test_it_adds, test_tax_comes_on_top"
    for part in ("run: 2 collected, 2 passed", "again:", "in another order:", "faults put into the code", "alone:"):
        assert part in evidence(proposal, "What was run")
    assert evidence(proposal, "Coverage") == "5 of 5 lines run"
    assert proposal.change is not None
    assert proposal.change.summary == "Creates tests/test_cart.py: 2 of 2 generated tests are kept, 5 of 5 lines run"
    assert proposal.verdict is not None
    assert all(test.killed for test in proposal.verdict.kept)
    assert allowed.files() == before


async def test_what_is_not_kept_is_mended(scripted: Shop) -> None:
    """The model sees each test that is not kept, and the runner's words."""
    scripted.says(fenced(GOOD, WRONG, USELESS), fenced(GOOD, WRONG), fenced(GOOD))
    proposal = await scripted.proposal("tests", "", "cart.py")
    assert (proposal.repaired, evidence(proposal, NAME)[:13]) == (2, "2 of 2 kept (")
    assert "test_it_is_wrong: failed. because of test_it_is_wrong" in scripted.questions[1]
    assert "test_it_is_useless: useless. It passed with each of" in scripted.questions[1]
    assert "test_it_adds:" not in scripted.questions[1]
    assert "useless" not in scripted.questions[2].rpartition("Your tests were run")[2]


async def test_after_two_tries_what_is_wrong_is_dropped_with_the_reason(scripted: Shop) -> None:
    """The good ones stay, and the file holds nothing else."""
    scripted.says(fenced(GOOD, WRONG, USELESS, FLAKY))
    proposal = await scripted.proposal("tests", "", "cart.py")
    assert len(scripted.questions) == 3
    assert evidence(proposal, NAME).startswith("2 of 5 kept")
    assert evidence(proposal, "Dropped test_it_is_wrong") == "failed: because of test_it_is_wrong"
    assert evidence(proposal, "Dropped test_it_is_useless").startswith("useless: It passed with each of")
    assert "but not in another order" in evidence(proposal, "Dropped test_it_is_flaky")
    assert proposal.change is not None
    assert (proposal.change.edits[0].text or "").strip() == GOOD.strip()
    assert proposal.verdict is not None
    assert json.dumps(as_data(proposal.verdict))


async def test_an_answer_that_is_repeated_is_not_run_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of it is known; the model is told once more."""
    bench = Scripted(lambda name, broken, _: State.FAILED if broken or "wrong" in name else State.PASSED)
    monkeypatch.setattr(Trials, "bench", bench.as_bench(shop.root))
    shop.says(fenced(GOOD, WRONG), fenced(GOOD))
    proposal = await shop.proposal("tests", "", "cart.py")
    assert proposal.repaired == 1
    of_two_answers, bench.runs = len(bench.runs), []
    shop.says(fenced(GOOD, WRONG))
    proposal = await shop.proposal("tests", "", "cart.py")
    assert (proposal.repaired, len(shop.questions)) == (2, 5)
    assert len(bench.runs) < of_two_answers


async def test_a_worse_second_answer_takes_nothing_away(scripted: Shop) -> None:
    """Nor does one that cannot be read: what was kept before is the result."""
    scripted.says(fenced(GOOD, WRONG), fenced("from cart import total\n", WRONG), "no tests any more")
    assert evidence(await scripted.proposal("tests", "", "cart.py"), NAME).startswith("2 of 3 kept")


async def test_where_nothing_can_be_kept_the_reason_is_the_result(scripted: Shop) -> None:
    """Named test by test; there is no change."""
    scripted.says(fenced("from cart import total\n", WRONG))
    failed = await scripted.failure("tests", "", "cart.py")
    assert failed.error.kind == "check_failed"
    assert failed.error.message.startswith("None of 1 generated tests can be kept (test_it_is_wrong: failed")
    assert failed.error.fix


async def test_tests_that_are_there_are_neither_judged_nor_hidden(scripted: Shop) -> None:
    """A new test of the same name goes into a file of its own, so that the old one goes on being run."""
    (scripted.root / "tests").mkdir()
    (scripted.root / "tests" / "test_cart.py").write_text(GOOD)
    scripted.says(fenced(GOOD.replace("== 3", "== 3.0")))
    proposal = await scripted.proposal("tests", "", "cart.py")
    assert proposal.change is not None
    assert [(edit.kind, edit.path) for edit in proposal.change.edits] == [("create", "tests/test_cart_2.py")]
    scripted.says(fenced("from cart import total\n", USELESS.replace("useless", "empty"), WRONG))
    proposal = await scripted.proposal("tests", "", "cart.py")
    assert proposal.change is not None
    assert [(edit.kind, edit.path) for edit in proposal.change.edits] == [("change", "tests/test_cart.py")]
    assert evidence(proposal, NAME) == "1 of 2 kept (unittest): test_it_is_empty"
    assert (proposal.change.edits[0].text or "").startswith(GOOD)


async def test_a_file_of_tests_that_are_lost_beside_new_ones_is_refused(
    scripted: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passed before must pass beside them."""
    (scripted.root / "tests").mkdir()
    (scripted.root / "tests" / "test_cart.py").write_text(GOOD)
    place = Scripted(
        lambda name, *_: State.PASSED if "bad_neighbour" not in place.text or "bad" in name else State.FAILED
    )
    monkeypatch.setattr(Trials, "bench", place.as_bench(scripted.root))
    scripted.says(fenced("from cart import total\n", USELESS.replace("useless", "bad_neighbour")))
    failed = await scripted.failure("tests", "", "cart.py")
    assert "tests pass no more that were there: test_it_adds, test_tax_comes_on_top" in failed.error.message


@pytest.mark.e2e
async def test_a_test_file_that_is_there_is_extended(allowed: Shop) -> None:
    """Its tests stay and are not judged, what only the new ones run is counted, and the whole passes when written."""
    (allowed.root / "tests").mkdir()
    file = allowed.root / "tests" / "test_cart.py"
    file.write_text(THEIRS)
    allowed.says(fenced(GOOD, WRONG, MIXED), "That is all.")
    proposal = await allowed.proposal("tests", "", "cart.py")
    assert file.read_text() == THEIRS
    assert proposal.verdict is not None
    assert {test.name: test.judged for test in proposal.verdict.tests} == {
        "test_it_adds": Judged.KEPT,
        "test_tax_comes_on_top": Judged.KEPT,
        "test_it_is_wrong": Judged.FAILED,
        "test_it_is_mixed": Judged.KEPT,
    }
    assert evidence(proposal, "Taken out, for it did not hold") == "assert total([2], 0) == 5"
    assert "of them run by no test before" in evidence(proposal, "Coverage")
    assert proposal.change is not None
    await write(proposal.change, allowed.root, allowed.app.journals)
    text = file.read_text()
    assert text.startswith("import pytest\n\nfrom cart import Cart\nfrom cart import Cart, total\n")
    assert "def test_a_cart_is_empty():\n    assert Cart().prices == []\n\n\ndef test_it_adds" in text
    assert "wrong" not in text
    assert text.count("total([2], 0)") == 1


async def test_what_a_guest_had_written_is_not_run(allowed: Shop) -> None:
    """The owner's yes is for the owner's orders: a user of the gateway, whose words a model follows, runs nothing."""
    await allowed.app.registry.users.add(User("ada", frozenset({EVERY})))
    allowed.says(f"```python\n{GOOD}```")
    made = await allowed.proposal("tests", "", "cart.py", user="ada")
    assert made.verdict is None
    assert any("only their owner" in check.evidence for check in made.checks)


async def test_a_guests_change_runs_no_tests_either(allowed: Shop) -> None:
    """Not even the tests that are there: the change is in the copy, and they would run it."""
    (allowed.root / "test_cart.py").write_text(GOOD)
    await allowed.app.registry.users.add(User("ada", frozenset({EVERY})))
    edit = f"cart.py\n<<<<<<< SEARCH\n{CART}=======\n{CART}\n# seen\n>>>>>>> REPLACE\n"
    allowed.says(edit)
    guests = await allowed.proposal("refactor", "say that you saw it", "cart.py", user="ada")
    owners = await allowed.proposal("refactor", "say that you saw it", "cart.py")
    assert COVERED in {check.name for check in owners.checks}
    assert COVERED not in {check.name for check in guests.checks}
