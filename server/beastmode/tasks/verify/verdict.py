"""What is known of generated tests after they were run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.tasks.verify.coverage import Coverage

MOST_MESSAGE = 6_000
"""Characters of what the runner said, for a model that is to repair the tests."""


class Judged(StrEnum):
    """What became of a test."""

    KEPT = "kept"
    FAILED = "failed"
    UNSTABLE = "unstable"
    """It passed, and then it did not, with nothing changed but the order."""
    USELESS = "useless"
    """It expects nothing, or it passed whatever was broken in the code under test."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One test function: what became of it, why, and the faults that it noticed."""

    name: str
    judged: Judged
    why: str = ""
    killed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The code under test: a file of the workspace with `/`, and the lines in question (all if None)."""

    path: str
    text: str
    lines: range | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a file with generated tests.

    Attributes:
        generated: test functions in the text, collected or not.
        tests: each test function that was collected.
        text: the file with the kept tests only; '' where none is.
        problem: why nothing could be judged: nothing collected, a time limit. '' otherwise.
        said: the end of the runner's output, without paths of this machine; for the repair round.
        tried, killed: faults that were put into the code under test, and how many of them a test noticed.
        unusable: faults with which the code did not even start, or did not end; they say nothing about the tests.
        coverage: of the kept tests, on the lines in question; None where it was not measured, see `not_run`.
        steps: what was run, in order, as sentences.
        not_run: what was not, and why.
        isolated, not_isolated: as in `Run`.
        taken_out: expectations that did not hold, of tests that are kept without them.
    """

    tests: tuple[Judgement, ...] = ()
    text: str = ""
    problem: str = ""
    said: str = ""
    tried: int = 0
    killed: int = 0
    unusable: int = 0
    coverage: Coverage | None = None
    steps: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    isolated: tuple[str, ...] = ()
    not_isolated: tuple[str, ...] = ()
    generated: int = 0
    taken_out: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Judgement, ...]:
        """The tests that stay."""
        return tuple(test for test in self.tests if test.judged is Judged.KEPT)

    @property
    def dropped(self) -> tuple[Judgement, ...]:
        """The others."""
        return tuple(test for test in self.tests if test.judged is not Judged.KEPT)

    @property
    def for_model(self) -> str:
        """What to tell a model that is to repair the tests: each that is not kept, and why."""
        said = [f"{test.name}: {test.judged}. {test.why}" for test in self.dropped]
        if self.problem:
            said += [self.problem, self.said]
        return "\n\n".join(filter(None, said))[:MOST_MESSAGE]
