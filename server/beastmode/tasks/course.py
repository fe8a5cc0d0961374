"""How one order goes from its question to its result: what is shown, how it is answered, and what is made of answers.

`Editing` is the course of every task that changes files that are there; that of generated tests is in `testing/`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from beastmode.tasks.checks import parsing
from beastmode.tasks.edits import read_change
from beastmode.tasks.proposal import CheckFailed
from beastmode.tasks.running import as_planned

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from beastmode.domain.errors import BeastModeError
    from beastmode.tasks.edits import Change
    from beastmode.tasks.materials import Target
    from beastmode.tasks.proposal import Check
    from beastmode.tasks.running import Running
    from beastmode.tasks.telling import Say
    from beastmode.tasks.verify.verdict import Verdict

    Covers = Callable[[Path, Change], Awaitable[list[Check]]]

WHOLE = "whole-file"
USUAL = "search-replace"


@dataclass(frozen=True, slots=True)
class Result:
    """A change that may be shown, with its checks; `verdict`: what running generated tests has shown."""

    change: Change
    checks: tuple[Check, ...]
    verdict: Verdict | None = None


class Course(Protocol):
    """See the module."""

    @property
    def shown(self) -> Sequence[Target]:
        """The files that the model must see."""
        ...

    @property
    def words(self) -> str:
        """The order as the model reads it."""
        ...

    def format_for(self, wanted: str, *, is_whole: bool) -> str:
        """The edit format to ask for, given that of the model's row; '' for none.

        Args:
            wanted: by the model's row.
            is_whole: every file in question is shown from its first line to its last.
        """
        ...

    async def judge(self, answer: str, name: str, say: Say) -> Result:
        """What an answer in this format comes to.

        Raises:
            CannotApply: it makes no change that may be made.
            CheckFailed: it makes one that is not as it should be.
        """
        ...

    def settle(self, error: BeastModeError) -> Result:
        """What is left where the model may not try again.

        Raises:
            BeastModeError: nothing is.
        """
        ...


class Editing:
    """Edits of the files in question.

    Args:
        run: the order.
        targets: the files.
        tests: see `Work`.
    """

    def __init__(self, run: Running, targets: Sequence[Target], tests: Covers | None) -> None:
        self.shown: Sequence[Target] = targets
        self.words = run.recipe.words(run.order)
        self._run, self._tests = run, tests
        self._default = targets[0].path if len(targets) == 1 else None

    def format_for(self, wanted: str, *, is_whole: bool) -> str:
        """See `Course`. A model that saw a part of a file must not give all of it."""
        if not self._run.recipe.edits:
            return ""
        return USUAL if wanted == WHOLE and not is_whole else wanted

    async def judge(self, answer: str, name: str, _say: Say) -> Result:
        """See `Course`."""
        run = self._run

        def read() -> tuple[Change, list[Check]]:
            change = read_change(answer, name, run.files, run.guard, default_path=self._default)
            if run.recipe.only_given:
                run.check_given(change)
            return change, [*parsing(change), *run.recipe.examine(change, run.order)]

        change, checks = await asyncio.to_thread(read)
        if run.plan:
            checks.append(as_planned(change, run.plan))
        is_owners = not run.order.user  # who allowed that code is run: not code that somebody else asked for
        if self._tests is not None and is_owners and not any(check.is_needed and not check.ok for check in checks):
            checks += await self._tests(run.root, change)
        if any(check.is_needed and not check.ok for check in checks):
            raise CheckFailed(tuple(checks))
        return Result(change, tuple(checks))

    def settle(self, error: BeastModeError) -> NoReturn:
        """See `Course`: half of a change is none."""
        raise error
