"""Running one test file in a copy: from a runner's row to a command, and from what it writes to an outcome."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from beastmode.context.index.places import read_regular
from beastmode.tasks.verify.copies import copy_of
from beastmode.tasks.verify.coverage import measured
from beastmode.tasks.verify.environment import environment
from beastmode.tasks.verify.outcome import Outcome
from beastmode.tasks.verify.python_path import interpreter, python_path
from beastmode.tasks.verify.readers import clean, read
from beastmode.tasks.verify.runners import project_of
from beastmode.tasks.verify.sandbox import GIB, CannotRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from beastmode.tasks.verify.copies import Copy, Limits
    from beastmode.tasks.verify.coverage import Coverage
    from beastmode.tasks.verify.outcome import Case
    from beastmode.tasks.verify.runners import Runner
    from beastmode.tasks.verify.sandbox import Run, Sandbox
    from beastmode.tasks.verify.verdict import Target

_DRIVERS = Path(__file__).with_name("drivers")
_MOST_RESULTS = 16_000_000
_MOST_FILES = 200
_MEMORY = 3 * GIB


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a test file: the run, the tests, and the coverage where it was asked for.

    `not_measured` says why there is no coverage.
    """

    run: Run
    outcome: Outcome
    coverage: Coverage | None = None
    not_measured: str = ""


class Bench:
    """A copy with a runner and a sandbox, ready to run tests.

    Args:
        copy: of the repository.
        runner: the row.
        sandbox: where it is run.
        project: the folder to run in, relative to the workspace; '' is the workspace.
        python: the interpreter for the project's Python.
        environ: this process's environment, of which little is passed on.
        home: the user's home folder, for toolchains.
    """

    def __init__(
        self,
        copy: Copy,
        runner: Runner,
        sandbox: Sandbox,
        *,
        project: str = "",
        python: Path | None = None,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self.runner = runner
        self.copy = copy
        self._sandbox, self._project = sandbox, project
        self._python = python or Path(sys.executable)
        given = dict(os.environ if environ is None else environ)
        self._env = environment(given, home or Path.home(), copy.scratch)

    @property
    def _cwd(self) -> Path:
        return self.copy.work / self._project

    async def put(self, path: str, text: str) -> None:
        """Write a file of the copy.

        Raises:
            ValueError: the path leads out of it.
            OSError: it cannot be written.
        """
        await asyncio.to_thread(self.copy.put, path, text)

    async def check_program(self) -> None:
        """Make sure that the runner is there.

        Raises:
            CannotRun: it is not; the fix is the row's.
        """
        argv = self._fill(self.runner.program, self._marks("", "", None))
        try:
            run = await self._start(argv, {}, 30.0)
        except CannotRun as error:
            raise CannotRun(f"{self.runner.title} is not installed", self.runner.missing) from error
        if run.exit_code != 0:
            last = (clean(run.output).strip().split("\n") or [""])[-1][:200]
            raise CannotRun(f"{self.runner.title} cannot be run: {self.clean(last)}", self.runner.missing)

    async def run(
        self,
        path: str,
        *,
        target: Target | None = None,
        seed: int | None = None,
        measure: bool = False,
        timeout_s: float | None = None,
    ) -> Ran:
        """Run one test file of the copy.

        Args:
            path: relative to the workspace, with `/`.
            target: the code under test, for coverage.
            seed: for another order.
            measure: the coverage of `target`, where the runner can tell.
            timeout_s: seconds; as the row says if None.

        Raises:
            NotAllowedToRun: nobody allowed it.
            CannotRun: the program is not there.
        """
        row = self.runner
        marks = self._marks(path, "" if target is None else target.path, seed)
        extra = [] if seed is None else list(row.shuffle)
        variables = {} if seed is None else dict(row.shuffle_env)
        why_not = self._why_not_measured() if measure else ""
        if measure and not why_not and row.coverage is not None:
            extra += row.coverage.arguments
            variables |= row.coverage.env
        await asyncio.to_thread(self._clear, marks)
        argv = [part for each in row.run for part in (extra if each == "{extra}" else [each])]
        env = {name: self._fill([value], marks)[0] for name, value in variables.items()}
        run = await self._start(self._fill(argv, marks), env, timeout_s or row.timeout_s)
        texts = await asyncio.to_thread(self._texts, row.results_files, marks)
        outcome = self._of_file(read(row.results, texts, run.output), path)
        coverage = None
        if measure and not why_not and row.coverage is not None and target is not None:
            wanted = await asyncio.to_thread(self._texts, row.coverage.files, marks)
            coverage = measured(row.coverage.form, wanted, marks["target_relative"], target.text)
            why_not = "" if coverage else f"{row.title} wrote nothing about {target.path}"
        return Ran(run, outcome, coverage, why_not)

    def clean(self, text: str) -> str:
        """A text without colours and without paths of this machine, for a model or for people."""
        text = clean(text)
        for real, name in (
            (f"{self.copy.work}/", ""),
            (str(self.copy.work), "."),
            (str(self.copy.holder), ""),
            (f"{_DRIVERS}/", ""),
        ):
            text = text.replace(real, name)
        return text.replace(str(self.copy.root), "").replace(str(Path.home()), "~")

    def _why_not_measured(self) -> str:
        measure = self.runner.coverage
        if measure is None:
            return f"{self.runner.title} does not measure it by itself"
        if measure.needs and not any((self._cwd / need).exists() for need in measure.needs):
            return f"{self.runner.title} needs {measure.needs[0].removeprefix('node_modules/')} for it"
        return ""

    async def _start(self, argv: Sequence[str], variables: Mapping[str, str], timeout_s: float) -> Run:
        env = self._env | {"PYTHONPATH": self._python_path(), **variables}
        return await self._sandbox.run(
            argv,
            folder=self.copy.holder,
            cwd=self._cwd,
            env=env,
            timeout_s=timeout_s,
            memory_bytes=_MEMORY,
            readable=(self.copy.root, *self.copy.linked, self._python.parent.parent, _DRIVERS),
        )

    def _python_path(self) -> str:
        return os.pathsep.join(map(str, python_path(self.copy.root, self.copy.work, self._python, _DRIVERS)))

    def _marks(self, path: str, target: str, seed: int | None) -> dict[str, str]:
        inside = PurePosixPath(path).relative_to(self._project or ".") if path else PurePosixPath()
        about = PurePosixPath(target).relative_to(self._project or ".") if target else PurePosixPath()
        folder = "" if str(inside.parent) == "." else str(inside.parent)
        wrapper = self._cwd / "gradlew"
        return {
            "python": str(self._python),
            "bin": str(self._bin()),
            "gradle": str(wrapper) if wrapper.is_file() else "gradle",
            "file": str(inside),
            "folder": folder,
            "test_stem": inside.name.partition(".")[0],
            "target": str(self.copy.work / target),
            "target_relative": str(about),
            "out": str(self.copy.scratch / "out"),
            "cache": str(self.copy.scratch / "cache"),
            "drivers": str(_DRIVERS),
            "seed": str(seed or 0),
        }

    def _bin(self) -> Path:
        """Where the project's own JavaScript programs are: its folder's, or that of the workspace around it."""
        for folder in (self._cwd, *self._cwd.parents):
            if (folder / "node_modules" / ".bin").is_dir():
                return folder / "node_modules" / ".bin"
            if folder == self.copy.work:
                break
        return self._cwd / "node_modules" / ".bin"

    @staticmethod
    def _fill(parts: Iterable[str], marks: Mapping[str, str]) -> list[str]:
        filled = []
        for part in parts:
            for name, value in marks.items():
                part = part.replace(f"{{{name}}}", value)  # noqa: PLW2901  # the same part, further on
            filled.append(part)
        return filled

    def _clear(self, marks: Mapping[str, str]) -> None:
        """No result of an earlier run may be taken for one of this."""
        out = self.copy.scratch / "out"
        if out.is_symlink():
            out.unlink()
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True, exist_ok=True)
        for pattern in self._fill(self.runner.results_files, marks):
            for file in [] if pattern.startswith("/") else self._cwd.glob(pattern):
                file.unlink(missing_ok=True)

    def _texts(self, patterns: Sequence[str], marks: Mapping[str, str]) -> list[str]:
        """What the runner wrote: regular files in the copy, never what a link leads to."""
        found: list[str] = []
        for pattern in self._fill(patterns, marks):
            base = Path(pattern).parent if pattern.startswith("/") else self._cwd / Path(pattern).parent
            if not Path(os.path.realpath(base)).is_relative_to(self.copy.holder):
                continue
            for file in sorted(base.glob(Path(pattern).name))[:_MOST_FILES]:
                try:
                    found.append(read_regular(file, _MOST_RESULTS).decode("utf-8", "replace"))
                except OSError:
                    continue
        return found

    def _of_file(self, outcome: Outcome, path: str) -> Outcome:
        """Without the tests of other files, which some runners cannot leave out."""

        def is_other(test: Case) -> bool:
            return bool(test.file) and Path(test.file).is_absolute() and not test.file.endswith(f"/{path}")

        return Outcome(tuple(test for test in outcome.tests if not is_other(test)), outcome.problem)


@asynccontextmanager
async def bench(
    root: Path,
    path: str,
    runner: Runner,
    sandbox: Sandbox,
    folder: Path,
    *,
    python: Path | None = None,
    limits: Limits | None = None,
) -> AsyncGenerator[Bench]:
    """A copy of the workspace with a runner, for as long as the block lasts.

    Args:
        root: the workspace.
        path: of the code under test, relative to it, with `/`.
        runner: the row.
        sandbox: where it is run.
        folder: where copies live.
        python: the interpreter of the project where the editor knows it; found in the project otherwise.
        limits: of the copy.

    Raises:
        CannotRun: the runner is not installed.
        CopyTooLarge: the workspace is.
        NotAllowedToRun: nobody allowed it.
        OSError: the disk.
    """
    project = await asyncio.to_thread(project_of, root, path, runner)
    async with copy_of(root, folder, limits=limits) as copy:
        found = python or await asyncio.to_thread(interpreter, root, root / project)
        made = Bench(copy, runner, sandbox, project=project, python=found)
        await made.check_program()
        yield made
