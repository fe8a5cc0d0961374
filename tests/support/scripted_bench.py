"""A bench that runs nothing: each test passes or fails as a script says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from beastmode.context.syntax import language_of
from beastmode.tasks.verify.outcome import Case, Outcome, State
from beastmode.tasks.verify.runners import runners
from beastmode.tasks.verify.running import Ran
from beastmode.tasks.verify.sandbox import Run
from beastmode.tasks.verify.testcode import source_tests

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.tasks.verify import Bench
    from beastmode.tasks.verify.coverage import Coverage
    from beastmode.tasks.verify.verdict import Target

Says = Callable[[str, bool, int | None], State]
"""The state of a test by its name, whether the code under test is broken, and the seed of another order."""


class Scripted:
    """A bench that runs nothing: each test passes or fails as `says` tells, by name, by fault, and by order."""

    def __init__(self, says: Says, *, ended: str = "exited", coverage: Coverage | None = None) -> None:
        self.runner = runners()["pytest"]
        self.files: dict[str, str] = {}
        self.runs: list[tuple[bool, int | None]] = []
        self._says, self._ended, self._coverage = says, ended, coverage

    async def put(self, path: str, text: str) -> None:
        self.files[path] = text

    async def run(
        self,
        path: str,
        *,
        target: Target,
        seed: int | None = None,
        measure: bool = False,
        timeout_s: float | None = None,
    ) -> Ran:
        broken = self.files.get(target.path, target.text) != target.text
        self.runs.append((broken, seed))
        tests = tuple(
            Case(test.name, test.name, state, "" if state is State.PASSED else f"because of {test.name}")
            for test in source_tests(self.files.get(path, ""), language_of(path))
            for state in [self._says(test.name, broken, seed)]
        )
        coverage = self._coverage if measure else None
        run = Run(("x",), 0, "output", self._ended, 0.1, ("apart",), ("open",))  # type: ignore[arg-type]  # a test's
        return Ran(run, Outcome(tests, "" if tests else "nothing there"), coverage, "no tool")

    @property
    def text(self) -> str:
        """Everything that it holds now."""
        return "\n".join(self.files.values())

    def as_bench(self, root: Path) -> Callable[..., AbstractAsyncContextManager[Bench]]:
        """Itself, for whoever opens a bench of a workspace."""
        self.copy = SimpleNamespace(work=root)

        @asynccontextmanager
        async def opened(*_: object) -> AsyncGenerator[Bench]:
            yield self  # type: ignore[misc]  # stands in

        return opened

    def clean(self, text: str) -> str:
        return text
