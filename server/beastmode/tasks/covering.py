"""The tests that cover a change, run before and after it in a throw-away copy, where the user has allowed that.

Only a test that passed before can say anything about a change. Without the user's yes nothing is run, and nothing is
claimed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beastmode.context.syntax import language_of
from beastmode.domain.errors import BeastModeError
from beastmode.tasks.proposal import Check, moved
from beastmode.tasks.verify import Kind, NoRunner, Sandbox, bench, runner_for
from beastmode.tasks.verify.finding import speaking_of, test_files
from beastmode.tasks.verify.outcome import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from beastmode.tasks.edits import Change, FileEdit
    from beastmode.tasks.verify import Bench, Consent, Runner

NAME = "Tests that cover it"
MOST_FILES = 8
"""Test files that are run for one change."""
_MOST_SAID = 600
"""Characters of what a test said when it failed."""


class Covering:
    """Runs the tests that cover a change.

    Args:
        consent: knows what the user has allowed.
        folder: where copies live.
        hidden: files and folders that no program may see, such as this product's own.
    """

    def __init__(self, consent: Consent, folder: Path, hidden: Sequence[Path] = ()) -> None:
        self._consent = consent
        self._folder = folder
        self._hidden = tuple(hidden)

    async def __call__(self, root: Path, change: Change) -> list[Check]:
        """What was seen; nothing where the user did not allow it, or where no test covers the change."""
        if await self._consent.answer(root, Kind.TESTS) is not True:
            return []
        changed = [edit for edit in change.edits if edit.before is not None and language_of(edit.path)]
        try:
            found = await asyncio.to_thread(_covering, root, changed)
            if found is None:
                return []
            runner, path, tests = found
            sandbox = Sandbox(await self._consent.require(root, Kind.TESTS), hidden=self._hidden)
            async with bench(root, path, runner, sandbox, self._folder) as place:
                return [await _compared(place, tests, change)]
        except (BeastModeError, OSError, ValueError) as error:
            said = error.message if isinstance(error, BeastModeError) else str(error)
            return [Check(NAME, ok=False, evidence=f"not run: {said}", is_needed=False)]


def is_covered(root: Path, path: str) -> bool:
    """Whether there are tests that would be run for a change of a file. Reads the disk."""
    try:
        runner = runner_for(root, path)
    except NoRunner:
        return False
    return bool(speaking_of(root, test_files(root, runner), [path]))


def _covering(root: Path, changed: Sequence[FileEdit]) -> tuple[Runner, str, list[str]] | None:
    """A runner, a file that it is for, and the test files that speak of the changed ones. Reads the disk."""
    for edit in changed:
        try:
            runner = runner_for(root, edit.path)
        except NoRunner:
            continue
        paths = [each.path for each in changed if language_of(each.path) in runner.languages]
        tests = speaking_of(root, test_files(root, runner), paths)
        if tests:
            return runner, edit.path, tests[:MOST_FILES]
    return None


async def _compared(place: Bench, tests: Sequence[str], change: Change) -> Check:
    """Each test that passed before must pass afterwards; a change that touches a test file takes it as it becomes."""
    before = await _passing(place, tests)
    for edit in change.edits:
        if edit.text is not None:
            await place.put(moved(edit), edit.text)
        if edit.text is None or edit.new_path is not None:
            await asyncio.to_thread(place.copy.remove, edit.path)
    gone = {edit.path for edit in change.edits if edit.text is None or edit.new_path is not None}
    left = [path for path in tests if path not in gone]
    own = sorted({edit.path for edit in change.edits} & set(tests))
    touched = f"; the change itself touches {', '.join(own)}" if own else ""
    failed: list[str] = []
    passed = 0
    for path in left:
        ran = await place.run(path)
        states = ran.outcome.functions()
        for name in before[path]:
            state, message = states.get(name, (State.ERROR, ran.outcome.problem or "it is not there any more"))
            if state in (State.PASSED, State.SKIPPED):
                passed += 1
            else:
                failed.append(f"{path} {name}: {place.clean(message)[:_MOST_SAID]}")
    if failed:
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""  # noqa: PLR2004 - as many as one reads
        return Check(NAME, ok=False, evidence=f"passed before, and fail now: {'; '.join(failed[:3])}{more}")
    if not passed:
        said = f"no test in {', '.join(tests)} passed before and is left, so nothing is known{touched}"
        return Check(NAME, ok=False, evidence=said, is_needed=False)
    counted = f"{passed} {'test' if passed == 1 else 'tests'} in {len(left)} {'file' if len(left) == 1 else 'files'}"
    said = f"{counted} passed before and {'passes' if passed == 1 else 'pass'} now ({place.runner.title}){touched}"
    return Check(NAME, ok=True, evidence=said)


async def _passing(place: Bench, tests: Sequence[str]) -> dict[str, list[str]]:
    found = {}
    for path in tests:
        states = (await place.run(path)).outcome.functions()
        found[path] = [name for name, (state, _) in states.items() if state is State.PASSED]
    return found
