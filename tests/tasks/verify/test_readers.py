"""What test runners write, read back: recordings of real runs; those of Go and Gradle are written by their manuals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.tasks.verify.coverage import FORMS as COVERAGE_FORMS
from beastmode.tasks.verify.coverage import measured
from beastmode.tasks.verify.outcome import Outcome, State
from beastmode.tasks.verify.readers import FORMS, read
from beastmode.tasks.verify.runners import runners

RECORDED = Path(__file__).parent / "recorded"
MIXED = sorted(path.name.removesuffix("-mixed.json") for path in RECORDED.glob("*-mixed.json"))
BROKEN = sorted(path.name.removesuffix("-broken.json") for path in RECORDED.glob("*-broken.json"))
COUNTS = {
    "pytest": (8, 7, 1),
    "unittest": (5, 4, 1),
    "cargo": (3, 2, 1),
    "maven": (3, 2, 1),
    "gradle": (3, 2, 1),
    "go": (4, 2, 1),
}


def recording(name: str) -> dict[str, object]:
    data = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def outcome_of(runner: str, kind: str) -> Outcome:
    data = recording(f"{runner}-{kind}")
    return read(runners()[runner].results, data["results"], data["output"])


def test_every_runner_has_recordings() -> None:
    """A row without a recording would be a row that nobody has ever read results of."""
    assert set(MIXED) == set(BROKEN) == set(runners())


@pytest.mark.parametrize("runner", MIXED)
def test_each_test_of_a_run_is_read(runner: str) -> None:
    """How many were collected, passed and failed, and what the failing one said."""
    outcome = outcome_of(runner, "mixed")
    assert (outcome.collected, outcome.passed, outcome.failed + outcome.errors) == COUNTS.get(runner, (6, 5, 1))
    failed = next(test for test in outcome.tests if test.state in (State.FAILED, State.ERROR))
    assert "wrong" in failed.name.lower()
    assert "7" in failed.message or "2" in failed.message or "4" in failed.message


@pytest.mark.parametrize("runner", BROKEN)
def test_a_file_that_does_not_start_says_why(runner: str) -> None:
    """No test, and the reason, for the repair round."""
    outcome = outcome_of(runner, "broken")
    assert outcome.tests == ()
    assert "nothing_there" in outcome.problem or "NothingThere" in outcome.problem


@pytest.mark.parametrize("runner", sorted(name for name in MIXED if runners()[name].coverage))
def test_lines_run_are_read(runner: str) -> None:
    """The loop's body was run; in JavaScript the line that throws was not, for no test of the recording gets there."""
    row = runners()[runner].coverage
    assert row is not None
    data = recording(f"{runner}-mixed")
    source = PRICE_JS if "javascript" in runners()[runner].languages else ""
    path = {"go": "price.go"}.get(runner, "src/price.js")
    coverage = measured(row.form, data["coverage"], path, source)
    assert coverage is not None
    assert coverage.run < coverage.lines or runner == "pytest"
    if source:
        throwing = source.split("\n").index('      throw new Error("negative");')
        assert throwing in coverage.lines - coverage.run
        assert throwing + 2 in coverage.run


PRICE_JS = """const seen = [];
export function total(prices, discount = 0) {
  let result = 0;
  for (const price of prices) {
    if (price < 0) {
      throw new Error("negative");
    }
    result += price;
  }
  return discount > 0 ? result - (result * discount) / 100 : result;
}
export function remember(x) {
  seen.push(x);
  return seen.length;
}
"""


def test_parameters_count_for_their_function() -> None:
    """Three parametrised cases are one function in the source, as bad as the worst of them."""
    xml = (
        '<testsuite><testcase classname="tests.test_a" name="test_x[1]"/>'
        '<testcase classname="tests.test_a" name="test_x[2]"><failure message="no">no: 2</failure></testcase>'
        '<testcase classname="tests.test_a.TestB" name="test_y"/></testsuite>'
    )
    outcome = read("junit-xml", [xml], "")
    assert outcome.collected == 3
    assert {name: state for name, (state, _) in outcome.functions().items()} == {
        "test_x": State.FAILED,
        "TestB.test_y": State.PASSED,
    }


def test_xml_with_entities_is_not_read() -> None:
    """A small file of results must not become a large one in memory."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]><testsuite><testcase name="&b;"/></testsuite>'
    assert read("junit-xml", [bomb], "said").tests == ()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(FORMS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["testResults", "assertionResults", "tests", "passes", "failures", "err", "title", "Test"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
)
def test_nonsense_is_no_reason_to_fail(form: str, data: object) -> None:
    """Results come from a program that is not trusted."""
    text = json.dumps(data)
    read(form, [text, "<testsuite><testcase/></testsuite>", "{"], text)
    for coverage in COVERAGE_FORMS:
        measured(coverage, [text], "a.py", "x\n")


def test_a_file_is_not_taken_for_another_of_a_longer_path() -> None:
    """`b/a.js` is not `a.js` when the tool names both."""

    def entry(line: int) -> dict[str, object]:
        return {"statementMap": {"0": {"start": {"line": line}}}, "s": {"0": 1}}

    text = json.dumps({"/copy/other/src/price.js.map": entry(5), "/copy/src/price.js": entry(2)})
    coverage = measured("istanbul-json", [text], "src/price.js", "")
    assert coverage is not None
    assert coverage.run == {1}
