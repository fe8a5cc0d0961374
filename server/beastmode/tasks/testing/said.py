"""A verdict over generated tests as checks for people: only what was run is said to have been. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError
from beastmode.tasks.chat.clean import one_line
from beastmode.tasks.proposal import Check, CheckFailed
from beastmode.tasks.verify.expecting import expecting_nothing

if TYPE_CHECKING:
    from beastmode.tasks.testing.answer import Given
    from beastmode.tasks.verify.verdict import Judgement, Verdict

NAME = "Generated tests"
_MOST_DROPPED = 20
_MOST_WHY = 300
"""Characters of why a test was dropped, for people; a model is told more."""


def checks_of(verdict: Verdict, runner: str) -> tuple[Check, ...]:
    """What was run and what was seen.

    Args:
        verdict: over the tests.
        runner: its title.
    """
    kept, dropped = verdict.kept, verdict.dropped
    names = ", ".join(test.name for test in kept)
    said = [Check(NAME, bool(kept), f"{len(kept)} of {verdict.generated} kept ({runner}): {names}")]
    said += [Check(f"Dropped {test.name}", ok=False, evidence=_why(test), is_needed=False) for test in dropped]
    if len(dropped) > _MOST_DROPPED:
        more = f"{len(dropped) - _MOST_DROPPED} more"
        said[_MOST_DROPPED + 1 :] = [Check("Dropped", ok=False, evidence=more, is_needed=False)]
    if verdict.taken_out:
        told = one_line("; ".join(verdict.taken_out))[: 2 * _MOST_WHY]
        said.append(Check("Taken out, for it did not hold", ok=False, evidence=told, is_needed=False))
    said.append(Check("What was run", ok=True, evidence="; ".join(verdict.steps)))
    if verdict.coverage is not None:
        said.append(Check("Coverage", ok=True, evidence=str(verdict.coverage)))
    if verdict.not_run:
        said.append(Check("Not run", ok=False, evidence="; ".join(verdict.not_run), is_needed=False))
    return tuple(said)


def summary(verdict: Verdict) -> str:
    """In a few words, for the headline of the change."""
    covered = "" if verdict.coverage is None else f", {verdict.coverage}"
    return f"{len(verdict.kept)} of {verdict.generated} generated tests are kept{covered}"


def not_run(error: BeastModeError) -> Check:
    """That nothing was run, and why."""
    return Check(NAME, ok=False, evidence=f"not run: {error.message}. {error.fix}", is_needed=False)


def cut_off(given: Given) -> tuple[Check, ...]:
    """That a part of the answer is missing; nothing where it is whole."""
    return (Check("Cut off", ok=False, evidence=given.missing, is_needed=False),) if given.missing else ()


def without_expectations(given: Given, language: str) -> tuple[Check, ...]:
    """Which tests expect nothing, where running them does not sort them out."""
    names = expecting_nothing(given.text, language)
    told = f"{', '.join(names)}: neither a value is checked nor that an error is raised"
    return (Check("Without expectations", ok=False, evidence=told, is_needed=False),) if names else ()


def as_data(verdict: Verdict) -> dict[str, object]:
    """A verdict for a script: plain values, of which JSON can be made. Lines count from zero."""
    coverage = verdict.coverage
    return {
        "generated": verdict.generated,
        "tests": [
            {"name": test.name, "judged": str(test.judged), "why": test.why, "killed": list(test.killed)}
            for test in verdict.tests
        ],
        "faults": {"tried": verdict.tried, "noticed": verdict.killed, "unusable": verdict.unusable},
        "coverage": None
        if coverage is None
        else {
            "lines": sorted(coverage.lines),
            "run": sorted(coverage.run),
            "before": None if coverage.before is None else sorted(coverage.before),
        },
        "taken_out": list(verdict.taken_out),
        "steps": list(verdict.steps),
        "not_run": list(verdict.not_run),
        "isolated": list(verdict.isolated),
        "not_isolated": list(verdict.not_isolated),
    }


def _why(test: Judgement) -> str:
    last = [line.strip() for line in test.why.split("\n") if line.strip()]
    told = next((line for line in reversed(last) if "Error" in line or line.startswith("E ")), last[0] if last else "")
    return one_line(f"{test.judged}: {told}")[:_MOST_WHY]


class TestsDropped(CheckFailed):
    """Some of the tests, or all, are not kept; the model may mend them."""

    __test__ = False  # no class of tests, whatever pytest makes of its name

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.checks = ()
        said = verdict.problem or "; ".join(f"{test.name}: {_why(test)}" for test in verdict.dropped[:5])
        what = "None" if not verdict.kept else f"{len(verdict.kept)}"
        BeastModeError.__init__(
            self,
            f"{what} of {verdict.generated} generated tests can be kept ({one_line(said)[: 2 * _MOST_WHY]})",
            "Nothing was written: choose a smaller piece of code, or a larger model",
        )

    @property
    def for_model(self) -> str:
        """What to tell the model in the repair round."""
        return (
            f"Your tests were run, and not all of them can be kept:\n\n{self.verdict.for_model}\n\n"
            "Give the whole file of tests again: leave out or mend those, and keep the others as they are. The code "
            "under test is right as it is."
        )
