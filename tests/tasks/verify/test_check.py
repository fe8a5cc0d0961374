"""The verdict over generated tests, with a runner that says what a script says."""

from __future__ import annotations

import pytest
from tests.support.scripted_bench import Says, Scripted

from beastmode.tasks.verify.check import check_tests
from beastmode.tasks.verify.coverage import Coverage
from beastmode.tasks.verify.outcome import Case, Outcome, State
from beastmode.tasks.verify.runners import runners
from beastmode.tasks.verify.running import Ran
from beastmode.tasks.verify.testcode import source_tests
from beastmode.tasks.verify.verdict import Judged, Target, Verdict

CODE = "def half(x):\n    if x < 0:\n        return 0\n    return x / 2\n"
TESTS = """from code import half


def test_good():
    assert half(4) == 2


def test_useless():
    assert half(4)


def test_wrong():
    assert half(4) == 3


def test_flaky():
    assert half(-1) == 0
"""
TARGET = Target("code.py", CODE)


async def verdict_of(says: Says, tests: str = TESTS, **more: object) -> tuple[Verdict, Scripted]:
    bench = Scripted(says, **{name: more.pop(name) for name in ("ended", "coverage") if name in more})  # type: ignore[arg-type]
    return await check_tests(bench, TARGET, "test_code.py", tests, **more), bench  # type: ignore[arg-type]  # stands in


def as_planned(name: str, broken: bool, seed: int | None) -> State:  # noqa: FBT001  # the script's words
    if name == "test_wrong" or (name == "test_good" and broken) or (name == "test_flaky" and seed is not None):
        return State.FAILED
    return State.PASSED


async def test_each_test_gets_its_own_verdict() -> None:
    """One failing test does not take the others with it."""
    verdict, _ = await verdict_of(as_planned)
    assert {test.name: test.judged for test in verdict.tests} == {
        "test_good": Judged.KEPT,
        "test_useless": Judged.USELESS,
        "test_wrong": Judged.FAILED,
        "test_flaky": Judged.UNSTABLE,
    }
    assert [test.name for test in verdict.kept] == ["test_good"]
    assert verdict.kept[0].killed
    assert [test.name for test in source_tests(verdict.text, "python")] == ["test_good"]
    assert verdict.text.startswith("from code import half")


async def test_a_test_that_expects_nothing_is_not_kept() -> None:
    """It fails where a fault makes the code raise, and still says nothing of what the code does."""
    tests = "def test_good():\n    assert half(4) == 2\n\n\ndef test_empty():\n    half(4)\n"
    verdict, _ = await verdict_of(lambda _, broken, __: State.FAILED if broken else State.PASSED, tests)
    assert [test.name for test in verdict.kept] == ["test_good"]
    (dropped,) = verdict.dropped
    assert (dropped.name, dropped.judged) == ("test_empty", Judged.USELESS)
    assert "neither a value nor that an error is raised" in verdict.for_model


async def test_the_repair_round_hears_the_runner_and_only_of_what_is_dropped() -> None:
    """Why each was dropped, in the runner's words."""
    verdict, _ = await verdict_of(as_planned)
    assert "because of test_wrong" in verdict.for_model
    assert "in another order" in verdict.for_model
    assert "test_good:" not in verdict.for_model


async def test_the_code_under_test_is_whole_again_afterwards() -> None:
    """Faults are put in and taken out, also when the run is stopped in the middle."""
    _, bench = await verdict_of(as_planned)
    assert bench.files["code.py"] == CODE

    def stops(name: str, broken: bool, seed: int | None) -> State:  # noqa: FBT001  # as above
        if broken:
            raise KeyError
        return State.PASSED

    bench = Scripted(stops)
    with pytest.raises(KeyError):
        await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert bench.files["code.py"] == CODE


async def test_no_more_faults_than_are_needed() -> None:
    """When every test has noticed one, it is enough."""
    _, bench = await verdict_of(lambda _, broken, __: State.FAILED if broken else State.PASSED)
    assert sum(broken for broken, _ in bench.runs) == 1


async def test_what_is_left_is_run_alone_before_it_is_kept() -> None:
    """A test that leaned on a dropped one is dropped as well, and the others stay."""
    bench = Scripted(lambda _, __, ___: State.PASSED)

    def leans(name: str, broken: bool, _seed: int | None) -> State:  # noqa: FBT001  # as above
        leaning = name == "test_flaky" and "test_wrong" not in bench.files["test_code.py"]
        return State.FAILED if broken or leaning or name == "test_wrong" else State.PASSED

    bench = Scripted(leans)
    verdict = await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert [test.name for test in verdict.kept] == ["test_good", "test_useless"]
    assert "without the others" in next(test.why for test in verdict.tests if test.name == "test_flaky")
    assert [test.name for test in source_tests(verdict.text, "python")] == ["test_good", "test_useless"]


async def test_a_dropped_test_that_cannot_be_taken_out_takes_all_with_it() -> None:
    """A text that still holds a failing test is not handed on."""
    bench = Scripted(as_planned)

    async def run(path: str, **more: object) -> Ran:
        ran = await Scripted.run(bench, path, **more)  # type: ignore[arg-type]  # the same arguments
        extra = (Case("made at run time", "made at run time", State.FAILED, "no"),)
        return Ran(ran.run, Outcome(ran.outcome.tests + extra), None, "no tool")

    bench.run = run  # type: ignore[method-assign,assignment]  # one with a test that is not in the text
    verdict = await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert verdict.text == ""
    assert verdict.kept == ()


async def test_nothing_collected_is_a_problem_with_the_reason() -> None:
    """And nothing more is run."""
    verdict, bench = await verdict_of(as_planned, "import nothing\n")
    assert verdict.problem == "no test was collected: nothing there"
    assert "output" in verdict.for_model
    assert len(bench.runs) == 1
    assert verdict.text == ""


@pytest.mark.parametrize("ended", ["timeout", "memory", "processes"])
async def test_a_limit_that_was_passed_is_named(ended: str) -> None:
    """Before anything is judged."""
    verdict, _ = await verdict_of(as_planned, ended=ended)
    assert verdict.problem
    assert verdict.tests == ()


async def test_a_fault_that_stops_everything_is_no_proof() -> None:
    """A file that no longer starts says nothing about a test: it is not counted as noticed."""
    bench = Scripted(as_planned)

    async def run(path: str, **more: object) -> Ran:
        ran = await Scripted.run(bench, path, **more)  # type: ignore[arg-type]  # the same arguments
        return Ran(ran.run, Outcome((), "SyntaxError"), None, "") if bench.runs[-1][0] else ran

    bench.run = run  # type: ignore[method-assign,assignment]  # one that breaks
    verdict = await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert (verdict.tried, verdict.killed) == (0, 0)
    assert verdict.unusable > 0
    assert any("faults" in said for said in verdict.not_run)


async def test_only_lines_that_the_tests_run_are_broken() -> None:
    """A fault elsewhere could not be noticed, and would make a good test look useless."""
    broken: list[str] = []
    coverage = Coverage(frozenset(range(4)), frozenset({3}))
    bench = Scripted(as_planned, coverage=coverage)
    put = bench.put

    async def watch(path: str, text: str) -> None:
        if path == "code.py" and text != CODE:
            broken.append(text)
        await put(path, text)

    bench.put = watch  # type: ignore[method-assign]  # to look at it
    await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert broken
    assert all(text.split("\n")[:3] == CODE.split("\n")[:3] for text in broken)


async def test_coverage_gained_is_what_the_old_tests_did_not_run() -> None:
    """Measured before and after, within the lines in question."""
    old, new = frozenset({1}), frozenset({1, 3})
    found = Coverage(frozenset(range(1, 4)), new, old).within(range(1, 4))
    assert found.gained == {3}
    assert str(found) == "2 of 3 lines run, 1 of them run by no test before"
    verdict, bench = await verdict_of(as_planned, coverage=Coverage(frozenset(range(4)), new), existing=["old_test.py"])
    assert verdict.coverage is not None
    assert verdict.coverage.gained == frozenset()
    assert bench.runs[0] == (False, None)
    assert "old_test.py" in verdict.steps[0]


async def test_what_was_not_run_is_said() -> None:
    """Coverage without a tool, and another order without a way: never silently."""
    verdict, _ = await verdict_of(as_planned)
    assert "coverage: no tool" in verdict.not_run
    assert verdict.coverage is None
    bench = Scripted(as_planned)
    bench.runner = runners()["node"]
    verdict = await check_tests(bench, TARGET, "test_code.py", TESTS)  # type: ignore[arg-type]  # stands in
    assert any(said.startswith("another order") for said in verdict.not_run)


async def test_the_verdict_says_how_far_it_was_apart() -> None:
    """From the run itself."""
    verdict, _ = await verdict_of(as_planned)
    assert (verdict.isolated, verdict.not_isolated) == (("apart",), ("open",))
