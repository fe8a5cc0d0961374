"""What a test runner has to say, whatever the runner: the common form of every result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """It did not get as far as its own assertions: a fixture, an import, a crash."""
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test.

    Attributes:
        name: as the runner calls it, classes and groups included; with the parameters of a parametrised one.
        function: what of that stands in the source: the name without the parameters. Several tests may share it.
        message: why it failed, at most a few thousand characters; '' if it passed.
        file: the file that it is in, as the runner names it; '' where it does not say.
    """

    name: str
    function: str
    state: State
    message: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All the tests of a run.

    Attributes:
        tests: in the runner's order.
        problem: why there may be none: a file that cannot be imported or compiled. '' where all went well.
    """

    tests: tuple[Case, ...] = ()
    problem: str = ""

    @property
    def collected(self) -> int:
        """Tests that the runner found."""
        return len(self.tests)

    @property
    def passed(self) -> int:
        """Tests that passed."""
        return self._count(State.PASSED)

    @property
    def failed(self) -> int:
        """Tests whose assertions failed."""
        return self._count(State.FAILED)

    @property
    def errors(self) -> int:
        """Tests that could not be run to their end."""
        return self._count(State.ERROR)

    def functions(self) -> dict[str, tuple[State, str]]:
        """The worst state of each test function, and the message that goes with it."""
        found: dict[str, tuple[State, str]] = {}
        for test in self.tests:
            if test.function not in found or _BADNESS[test.state] > _BADNESS[found[test.function][0]]:
                found[test.function] = test.state, test.message
        return found

    def _count(self, state: State) -> int:
        return sum(test.state is state for test in self.tests)


_BADNESS = {State.SKIPPED: 0, State.PASSED: 1, State.FAILED: 2, State.ERROR: 3}
