"""The course of generated tests: aim, answer, run, and keep what deserves it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.tasks.checks import parsing
from beastmode.tasks.course import Result
from beastmode.tasks.edits import change_of
from beastmode.tasks.edits.change import FileEdit
from beastmode.tasks.testing.adding import added
from beastmode.tasks.testing.aim import aim_at, beside
from beastmode.tasks.testing.answer import read_tests
from beastmode.tasks.testing.said import (
    TestsDropped,
    checks_of,
    cut_off,
    not_run,
    summary,
    without_expectations,
)
from beastmode.tasks.verify import CannotRun, CopyTooLarge, Kind, NotAllowedToRun, Sandbox, bench, check_tests
from beastmode.tasks.verify.testcode import source_tests
from beastmode.tasks.verify.verdict import Target as UnderTest
from beastmode.tasks.verify.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from beastmode.domain.errors import BeastModeError
    from beastmode.tasks.edits import Change
    from beastmode.tasks.materials import Target
    from beastmode.tasks.proposal import Check
    from beastmode.tasks.running import Running
    from beastmode.tasks.telling import Say
    from beastmode.tasks.testing.aim import Aim
    from beastmode.tasks.testing.answer import Given
    from beastmode.tasks.verify import Bench, Consent


class Trials:
    """Where generated tests are run.

    Args:
        consent: knows what the user has allowed.
        folder: where copies live.
        hidden: files and folders that no program may see, such as this product's own.
    """

    def __init__(self, consent: Consent, folder: Path, hidden: Sequence[Path] = ()) -> None:
        self._consent = consent
        self._folder = folder
        self._hidden = tuple(hidden)

    async def course(self, run: Running, targets: Sequence[Target]) -> Testing:
        """The course of one order.

        Raises:
            NoRunner: nobody knows how to run tests of this code.
            PathRefused: no model may write where they would go.
        """
        if len(targets) != 1:
            raise UserError("Generating tests needs one file", "Name one file; a batch takes one order for each")
        aim = await asyncio.to_thread(aim_at, run.root, targets[0], run.desk)
        await asyncio.to_thread(run.guard.check, aim.path)
        return Testing(run, aim, self)

    @asynccontextmanager
    async def bench(self, run: Running, aim: Aim, say: Say) -> AsyncGenerator[Bench]:
        """A copy of the workspace as the editor has it, in which tests may be run; for as long as the block lasts.

        Raises:
            BeastModeError: nothing is run, and why.
            OSError: the disk.
        """
        if run.order.user:
            raise NotAllowedToRun(run.root.name, Kind.TESTS, "only their owner may have code run", "Run them yourself")
        sandbox = Sandbox(await self._consent.require(run.root, Kind.TESTS), hidden=self._hidden)
        say("Copying the workspace")
        async with bench(run.root, aim.target.path, aim.runner, sandbox, self._folder) as place:
            for path, text in run.texts.items():
                if (place.copy.work / path).is_file():
                    await place.put(path, text)
            yield place


class Testing:
    """See `Course`.

    Args:
        run: the order.
        aim: what is to be tested.
        trials: where.
    """

    def __init__(self, run: Running, aim: Aim, trials: Trials) -> None:
        self.shown = aim.shown
        self.words = aim.words(run.recipe.words(run.order))
        self._run, self._aim, self._trials = run, aim, trials
        self._best: Result | None = None
        self._dropped: dict[str, TestsDropped] = {}
        run.into = aim.path

    def format_for(self, _wanted: str, *, is_whole: bool) -> str:  # noqa: ARG002 - a new file has one format
        """See `Course`: the task's own words say how."""
        return ""

    async def judge(self, answer: str, _name: str, say: Say) -> Result:
        """See `Course`. What is kept of an answer is remembered, should a later one be worse."""
        path, given, text, before = await asyncio.to_thread(self._read, answer)
        if text in self._dropped:  # small models repeat themselves, and a run takes minutes
            raise self._dropped[text]
        change = await asyncio.to_thread(self._change, path, text)
        cut = cut_off(given)
        try:
            verdict = await self._checked(path, text, before, say)
        except (NotAllowedToRun, CannotRun, CopyTooLarge) as error:
            told = replace(change, summary=f"{change.summary}; its tests were not run")
            empty = without_expectations(given, self._aim.language)
            return Result(told, (*parsing(change), not_run(error), *empty, *cut))
        if verdict.kept:
            self._remember(await asyncio.to_thread(self._change, path, verdict.text), verdict, cut)
        if verdict.dropped or not verdict.kept:
            self._dropped[text] = TestsDropped(verdict)
            raise self._dropped[text]
        return self._best_one()

    def settle(self, error: BeastModeError) -> Result:
        """See `Course`: the answer of which most was kept."""
        if self._best is None:
            raise error
        return self._best

    def _best_one(self) -> Result:
        assert self._best is not None, "something was kept"  # noqa: S101 - for the type checker
        return self._best

    def _remember(self, change: Change, verdict: Verdict, cut: Sequence[Check]) -> None:
        least = len(self._best.verdict.kept) if self._best is not None and self._best.verdict is not None else 0
        if len(verdict.kept) >= least:
            told = replace(change, summary=f"{change.summary}: {summary(verdict)}")
            self._best = Result(told, (*checks_of(verdict, self._aim.runner.title), *cut), verdict)

    def _read(self, answer: str) -> tuple[str, Given, str, str]:
        """The file that the tests go into, the tests, its text with them, and its text before; in a thread."""
        aim, guard = self._aim, self._run.guard
        given = read_tests(answer, aim.language, guard.limits, is_cut=self._run.is_cut)
        original = self._run.files.read(aim.path) if aim.extends else None
        text = added(original.text, given.text, aim.language) if original is not None else None
        if original is not None and text is not None:
            return aim.path, given, text, original.text
        path = guard.check(beside(self._run.root, aim).path)
        return path, given, given.text, ""

    def _change(self, path: str, text: str) -> Change:
        """The change that makes the file so; in a thread."""
        original = self._run.files.read(path)
        if original is None:
            edit = FileEdit(path, "create", text)
        else:
            edit = FileEdit(path, "change", text, None, original.text, original.checksum)
        return change_of([edit], self._run.guard.limits)

    async def _checked(self, path: str, text: str, before: str, say: Say) -> Verdict:
        """What running the tests shows, in a copy of their own: what earlier ones did to theirs does not count."""
        target = self._aim.target
        code = "\n".join(target.lines) + "\n"
        under_test = UnderTest(target.path, code, self._aim.lines)
        async with self._trials.bench(self._run, self._aim, say) as place:
            await place.put(target.path, code)
            if before:
                await place.put(path, before)
            existing = [each for each in self._aim.existing if (place.copy.work / each).is_file()]
            try:
                return await check_tests(place, under_test, path, text, existing=existing, before=before, progress=say)
            except OSError as error:
                problem = f"they damaged the copy of the workspace that they ran in: {place.clean(str(error))}"
                return Verdict(problem=problem, generated=len(source_tests(text, self._aim.language)))
