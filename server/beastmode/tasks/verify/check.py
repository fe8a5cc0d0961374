"""Generated tests, checked by running them: collected, passing, stable, and able to notice a fault.

Everything is judged a test function at a time, so that a useless one can be dropped while the others stay; what is left
is run once more before it is called kept. The verdict says only what was run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.context.syntax import language_of
from beastmode.tasks.verify.expecting import expecting_nothing
from beastmode.tasks.verify.loosening import loosened
from beastmode.tasks.verify.mutations import mutations
from beastmode.tasks.verify.outcome import State
from beastmode.tasks.verify.testcode import source_tests, without
from beastmode.tasks.verify.verdict import MOST_MESSAGE, Judged, Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from beastmode.tasks.verify.coverage import Coverage
    from beastmode.tasks.verify.mutations import Mutation
    from beastmode.tasks.verify.outcome import Outcome
    from beastmode.tasks.verify.running import Bench, Ran
    from beastmode.tasks.verify.testcode import SourceTest
    from beastmode.tasks.verify.verdict import Target

_EXPECTS_NOTHING = "it checks neither a value nor that an error is raised"
_SEED = 1
_MOST_LOOSENED = 12
"""Expectations that are taken out of one test."""
_LONGER = 4.0
_LEAST_S = 5.0
"""A fault may make a loop endless: a run with one may take so many times as long as without, or so many seconds."""
_MORE, _FAULTS_S = 3, 90.0
"""While a test has noticed nothing: up to so many times the faults of the runner's row, for so many seconds."""


@dataclass
class _Course:
    """What is known so far."""

    judged: dict[str, Judgement] = field(default_factory=dict)
    killed: dict[str, list[str]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    taken_out: list[str] = field(default_factory=list)
    generated: int = 0
    tried: int = 0
    noticed: int = 0
    unusable: int = 0


async def check_tests(
    bench: Bench,
    target: Target,
    test_path: str,
    test_text: str,
    *,
    existing: Sequence[str] = (),
    before: str = "",
    seed: int = _SEED,
    faults: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Check the tests of a new file, or those that a file gets besides its own.

    Args:
        bench: the copy of the repository, the runner and the sandbox; `running.bench` makes one.
        target: the code under test, as it is in the copy.
        test_path: where the file goes; relative to the workspace, with `/`.
        test_text: its text.
        existing: test files of the project that are about the same code, to tell what coverage is gained.
        before: the text of the file where it is there already; its tests are not judged, and must go on passing.
        seed: of the other order and of the faults.
        faults: how many are tried at least while a test has noticed none; as the runner's row says if None.
        progress: told what is being done, as short sentences.

    Raises:
        NotAllowedToRun: nobody allowed it.
        CannotRun: the runner is not installed.
    """
    checker = _Checker(bench, target, test_path, seed=seed, progress=progress, before=before)
    await checker.look_before([*existing, *([test_path] if before and test_path not in existing else [])])
    return await checker.check(test_text, bench.runner.mutations if faults is None else faults)


class _Checker:
    def __init__(
        self,
        bench: Bench,
        target: Target,
        test_path: str,
        *,
        seed: int,
        progress: Callable[[str], None],
        before: str,
    ) -> None:
        self._bench, self._target, self._path, self._seed = bench, target, test_path, seed
        self._progress = progress
        self._language = language_of(test_path)
        self._course = _Course()
        self._theirs = source_tests(before, self._language) if before else []
        self._passed_before: frozenset[str] = frozenset()
        self._before: frozenset[int] | None = None
        self._usual_s = 0.0

    async def look_before(self, existing: Sequence[str]) -> None:
        """Which lines the project's own tests run, and which of those in the same file pass."""
        lines: set[int] = set()
        is_measured = True
        for path in existing:
            self._progress(f"Running {path} as it is, for its coverage")
            ran = await self._bench.run(path, target=self._target, measure=True)
            if path == self._path:
                states = ran.outcome.functions().items()
                self._passed_before = frozenset(name for name, (state, _) in states if state is State.PASSED)
            is_measured &= ran.coverage is not None
            lines |= ran.coverage.run if ran.coverage is not None else frozenset()
            self._course.steps.append(f"{path}: run as it is, for its coverage")
        self._before = frozenset(lines) if existing and is_measured else None

    async def check(self, text: str, most: int) -> Verdict:
        """From the text of a test file to the verdict."""
        course = self._course
        course.generated = len(source_tests(text, self._language)) - len(self._theirs)
        first = await self._run(text, "Running the tests", measure=True)
        self._usual_s = first.run.duration_s
        outcome = first.outcome
        course.steps.append(f"run: {_counts(outcome)}")
        text, first = await self._loosen(text, first)
        outcome = first.outcome
        if problem := _problem(first, self._bench.runner.timeout_s) or self._harm(outcome):
            return self._verdict(first, problem=problem)
        empty = expecting_nothing(text, self._language)
        self._judge_first(outcome, [test for test in source_tests(text, self._language) if test.name in empty])
        await self._repeat(text)
        await self._break(text, most, self._lines_run(first))
        for name in self._standing():
            course.judged[name] = Judgement(name, Judged.KEPT, "", tuple(course.killed.get(name, ())))
        return await self._finish(text, first)

    async def _loosen(self, text: str, ran: Ran) -> tuple[str, Ran]:
        """Without expectations that do not hold, one of each test at a time, while others are left in it."""
        for _ in range(_MOST_LOOSENED):
            states = ran.outcome.functions().items()
            failed = {
                name: said for name, (state, said) in states if state is State.FAILED and not self._is_theirs(name)
            }
            fewer = loosened(text, self._path, self._language, failed) if failed else None
            if fewer is None:
                break
            text = fewer.text
            self._course.taken_out += fewer.taken_out
            ran = await self._run(text, "Running the tests without what did not hold", measure=True)
        if self._course.taken_out:
            said = f"without {len(self._course.taken_out)} expectations that did not hold: {_counts(ran.outcome)}"
            self._course.steps.append(said)
        return text, ran

    def _judge_first(self, outcome: Outcome, empty: Sequence[SourceTest]) -> None:
        for name, (state, message) in outcome.functions().items():
            if self._is_theirs(name):
                continue
            if state in (State.FAILED, State.ERROR):
                self._drop(name, Judged.FAILED, message)
            elif state is State.SKIPPED:
                self._drop(name, Judged.SKIPPED, "it does not run here")
            elif any(test.is_called(name) for test in empty):
                self._drop(name, Judged.USELESS, _EXPECTS_NOTHING)
            else:
                self._course.killed[name] = []

    async def _repeat(self, text: str) -> None:
        """Again as it was, and again in another order."""
        course = self._course
        ways: list[tuple[str, int | None]] = [("again", None)]
        if self._bench.runner.can_shuffle:
            # Our own drivers turn the order round; by chance, any two tests keep their order every other time.
            seeds = (self._seed, self._seed + 1) if self._bench.runner.shuffle else (self._seed,)
            ways += [("in another order", seed) for seed in seeds]
        else:
            course.not_run.append(f"another order: {self._bench.runner.title} has none")
        for way, seed in ways:
            if not self._standing():
                return
            ran = await self._run(text, f"Running the tests {way}", seed=seed)
            course.steps.append(f"{way}: {_counts(ran.outcome)}")
            states = ran.outcome.functions()
            for name in self._standing():
                state, message = states.get(name, (State.ERROR, ran.outcome.problem or "it was not run"))
                if state is not State.PASSED:
                    self._drop(name, Judged.UNSTABLE, f"It passed at first, but not {way}. {message}")

    def _lines_run(self, ran: Ran) -> Collection[int] | None:
        """Where a fault can be noticed at all: the lines in question that the tests run, or all if nobody knows."""
        asked = self._target.lines
        if ran.coverage is None or not ran.coverage.run:
            return asked
        return [line for line in ran.coverage.run if asked is None or line in asked]

    async def _break(self, text: str, least: int, lines: Collection[int] | None) -> None:
        """Put faults into the code under test until each test has noticed one, or there are no more, or no time."""
        target, course = self._target, self._course
        if not self._standing():
            return
        language, began = language_of(target.path), time.monotonic()
        faults = mutations(target.text, language, lines, seed=self._seed, most=_MORE * least)
        limit = min(self._bench.runner.timeout_s, max(_LEAST_S, _LONGER * self._usual_s))
        try:
            for number, fault in enumerate(faults):
                waiting = sum(not course.killed[name] for name in self._standing())
                if not waiting or (number >= least and time.monotonic() - began > _FAULTS_S):
                    break
                self._progress(f"Breaking the code: {number + 1} of at most {len(faults)}, {waiting} tests to go")
                await self._bench.put(target.path, fault.text)
                self._take(fault, await self._run(text, "", timeout_s=limit))
        finally:
            await self._bench.put(target.path, target.text)
        if not course.tried:
            course.not_run.append(
                "faults in the code under test: there was no way to break these lines that still runs"
            )
            return
        course.steps.append(f"{course.tried} faults put into the code, {course.noticed} of them noticed")
        for name in self._standing():
            if not course.killed[name]:
                self._drop(name, Judged.USELESS, f"It passed with each of {course.tried} faults put into the code")

    def _take(self, fault: Mutation, ran: Ran) -> None:
        """Who noticed: only a test that ran and failed; not a file that no longer starts, nor a run without an end."""
        states = ran.outcome.functions()
        seen = [name for name in self._standing() if name in states]
        if ran.run.ended != "exited" or not seen:
            self._course.unusable += 1
            return
        self._course.tried += 1
        killers = [name for name in seen if states[name][0] in (State.FAILED, State.ERROR)]
        self._course.noticed += bool(killers)
        for name in killers:
            self._course.killed[name].append(str(fault))

    async def _finish(self, text: str, first: Ran) -> Verdict:
        """Run what is kept, alone, and measure it; again without what does not pass alone."""
        course = self._course
        known = source_tests(text, self._language)
        while kept := self._standing():
            dropped = [name for name in course.judged if name not in kept]
            gone = {each.name for each in known if any(each.is_called(name) for name in dropped)}
            left = without(text, self._language, gone) if dropped else text
            last = await self._run(left, "Running the tests that are kept", measure=True)
            course.steps.append(f"the kept ones alone: {_counts(last.outcome)}")
            states = last.outcome.functions()
            why = "It does not pass without the others"
            bad = [name for name in kept if states.get(name, (State.ERROR, ""))[0] is not State.PASSED]
            if any(name not in kept and not self._is_theirs(name) for name in states) or self._harm(last.outcome):
                bad, why = kept, "It cannot be told apart from tests that were dropped"
            if not bad:
                return self._verdict(first, text=left, coverage=self._covered(last))
            for name in bad:
                self._drop(name, Judged.UNSTABLE, f"{why}. {states.get(name, (State.ERROR, ''))[1]}")
        return self._verdict(first)

    def _covered(self, ran: Ran) -> Coverage | None:
        if ran.coverage is None:
            self._course.not_run.append(f"coverage: {ran.not_measured}")
            return None
        found = ran.coverage
        found = type(found)(found.lines, found.run, self._before)
        return found if self._target.lines is None else found.within(self._target.lines)

    async def _run(
        self,
        text: str,
        saying: str,
        *,
        seed: int | None = None,
        measure: bool = False,
        timeout_s: float | None = None,
    ) -> Ran:
        if saying:
            self._progress(saying)
        await self._bench.put(self._path, text)
        return await self._bench.run(self._path, target=self._target, seed=seed, measure=measure, timeout_s=timeout_s)

    def _is_theirs(self, name: str) -> bool:
        return any(test.is_called(name) for test in self._theirs)

    def _harm(self, outcome: Outcome) -> str:
        """What the new tests do to those that were there: ''; or which of them pass no more."""
        states = outcome.functions()
        lost = [name for name in self._passed_before if states.get(name, (State.ERROR, ""))[0] is not State.PASSED]
        return f"beside them, tests pass no more that were there: {', '.join(sorted(lost)[:5])}" if lost else ""

    def _standing(self) -> list[str]:
        judged = self._course.judged
        return [name for name in self._course.killed if name not in judged or judged[name].judged is Judged.KEPT]

    def _drop(self, name: str, judged: Judged, why: str) -> None:
        self._course.judged[name] = Judgement(
            name, judged, self._bench.clean(why), tuple(self._course.killed.get(name, ()))
        )

    def _verdict(self, ran: Ran, *, text: str = "", problem: str = "", coverage: Coverage | None = None) -> Verdict:
        course = self._course
        return Verdict(
            tuple(course.judged.values()),
            text,
            self._bench.clean(problem),
            self._bench.clean(ran.run.output)[-MOST_MESSAGE:],
            course.tried,
            course.noticed,
            course.unusable,
            coverage,
            tuple(course.steps),
            tuple(course.not_run),
            ran.run.isolated,
            ran.run.not_isolated,
            course.generated,
            tuple(course.taken_out),
        )


def _problem(ran: Ran, timeout_s: float) -> str:
    """Why nothing can be judged."""
    if ran.run.ended != "exited":
        reasons: Mapping[str, str] = {
            "timeout": f"the tests did not end within {timeout_s:g} s",
            "memory": "the tests took more memory than they may",
            "processes": "the tests started more processes than they may",
        }
        return reasons[ran.run.ended]
    if not ran.outcome.tests:
        return f"no test was collected: {ran.outcome.problem}"
    return ""


def _counts(outcome: Outcome) -> str:
    return (
        f"{outcome.collected} collected, {outcome.passed} passed, {outcome.failed} failed, {outcome.errors} with errors"
    )
