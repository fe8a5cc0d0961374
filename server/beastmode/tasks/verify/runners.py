"""The test runners that are known: rows of `runners.toml`, and which of them a project uses.

Adding a runner is adding a row, unless it writes its results in a form that no reader knows.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from beastmode.context.index.places import read_regular
from beastmode.context.syntax import language_of
from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST = 200_000
"""Bytes of a project's file that are looked at."""
_MOST_FILES = 50
_SOURCES = ("src/main/java/", "src/main/kotlin/", "src/", "lib/", "app/")


class NoRunner(UserError):
    """No test runner is known for that code."""

    kind = "no_runner"


@dataclass(frozen=True, slots=True)
class Measure:
    """How a runner measures coverage."""

    form: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    files: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runner:
    """A row of `runners.toml`, where its fields are explained."""

    name: str
    title: str
    languages: tuple[str, ...]
    project: tuple[str, ...]
    files: Mapping[str, re.Pattern[str]]
    places: tuple[str, ...]
    tests: tuple[str, ...]
    program: tuple[str, ...]
    missing: str
    collect: tuple[str, ...]
    run: tuple[str, ...]
    shuffle: tuple[str, ...]
    shuffle_env: Mapping[str, str]
    results: str
    results_files: tuple[str, ...]
    coverage: Measure | None
    mutations: int
    timeout_s: float

    @property
    def can_shuffle(self) -> bool:
        """Whether it can run tests in another order."""
        return bool(self.shuffle or self.shuffle_env)


@cache
def runners() -> Mapping[str, Runner]:
    """Every row by its name, in the order in which they are looked for."""
    text = files("beastmode.tasks.verify").joinpath("runners.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _row(name, row) for name, row in tomllib.loads(text).items()})


def _row(name: str, row: dict[str, Any]) -> Runner:
    results, coverage = row.pop("results"), row.pop("coverage", None)
    patterns = {glob: re.compile(pattern) for glob, pattern in row.pop("files").items()}
    lists = ("languages", "project", "places", "tests", "program", "collect", "run")
    return Runner(
        name=name,
        title=row["title"],
        files=MappingProxyType(patterns),
        missing=row["missing"],
        shuffle=tuple(row.get("shuffle", ())),
        shuffle_env=MappingProxyType(row.get("shuffle_env", {})),
        results=results["form"],
        results_files=tuple(results["files"]),
        coverage=_measure(coverage) if coverage else None,
        mutations=row["mutations"],
        timeout_s=float(row["timeout_s"]),
        **{field: tuple(row[field]) for field in lists},
    )


def _measure(row: dict[str, Any]) -> Measure:
    given = {name: tuple(row.get(name, ())) for name in ("arguments", "files", "needs")}
    return Measure(row["form"], env=MappingProxyType(row.get("env", {})), **given)


def project_of(root: Path, path: str, runner: Runner) -> str:
    """The folder to run in: the nearest one above the code that has a file of the project; '' is the workspace.

    Args:
        root: the workspace.
        path: of the code under test, relative to it, with `/`.
        runner: the row.
    """
    folder = PurePosixPath(path).parent
    for each in (folder, *folder.parents):
        if any((root / each / name).is_file() for name in runner.project):
            return "" if str(each) == "." else str(each)
    return ""


def runner_for(root: Path, path: str, name: str | None = None) -> Runner:
    """The runner that a project uses for a file: named by the user, or seen in the project's files. Looks at the disk.

    Raises:
        NoRunner: none is known for the language, or of that name.
    """
    if name is not None:
        if name not in runners():
            raise NoRunner(f"No test runner is called {name}", f"Take one of {', '.join(runners())}")
        return runners()[name]
    language = language_of(path)
    fitting = [runner for runner in runners().values() if language in runner.languages]
    for runner in fitting:
        if any(_is_seen(folder, runner) for folder in _folders(root, project_of(root, path, runner))):
            return runner
    if language == "python":
        return runners()["unittest"]  # there wherever Python is
    known = ", ".join(runner.title for runner in fitting)
    raise NoRunner(
        f"No test runner was found for {path}",
        f"Set up one of {known} in the project, or name one" if known else f"Tests can be run for {_languages()}",
    )


def _languages() -> str:
    return ", ".join(dict.fromkeys(language for runner in runners().values() for language in runner.languages))


def _folders(root: Path, project: str) -> Iterator[Path]:
    """The project's folder, and the workspace's, where tools for all of its projects may be named."""
    yield root / project
    if project:
        yield root


def _is_seen(folder: Path, runner: Runner) -> bool:
    for glob, pattern in runner.files.items():
        for number, path in enumerate(folder.glob(glob) if "*" in glob else (folder / glob,)):
            if number >= _MOST_FILES:
                break
            if "node_modules" in path.parts[len(folder.parts) :] or not path.is_file():
                continue
            try:
                text = read_regular(path, _MOST).decode("utf-8", "replace")
            except OSError:
                continue
            if pattern.search(text):
                return True
    return False


def new_test_file(root: Path, path: str, runner: Runner) -> str:
    """Where a new file with tests for `path` goes, relative to the workspace; never a file that exists."""
    return _free(usual_test_file(root, path, runner), root)


def usual_test_file(root: Path, path: str, runner: Runner) -> str:
    """Where one expects the tests for `path`, relative to the workspace, whether or not there are any."""
    project = project_of(root, path, runner)
    inside = PurePosixPath(path).relative_to(project or ".")
    folder = "" if str(inside.parent) == "." else f"{inside.parent}/"
    package = next((folder.removeprefix(start) for start in _SOURCES if folder.startswith(start)), folder)
    stem = inside.name.removesuffix(inside.suffix)
    stem = {"__init__": inside.parent.name or "init", "__main__": "main"}.get(stem, stem)
    marks = {
        "stem": stem,
        "Stem": stem[:1].upper() + stem[1:],
        "ext": inside.suffix,
        "folder": folder,
        "package": package,
    }
    base = root / project
    places = [place.format(**marks) for place in runner.places]
    chosen = next((place for place in places if _has_home(base, place, folder)), places[-1])
    return f"{project}/{chosen}" if project else chosen


def _has_home(base: Path, place: str, own: str) -> bool:
    """Whether the folder that a place begins with is there; beside the code itself only where tests already are."""
    home = PurePosixPath(place).parent
    if f"{home}/" == own or (not own and str(home) == "."):
        return False
    first = base / (home if place.startswith(own) and own else home.parts[0] if home.parts else ".")
    return first.is_dir()


def _free(path: str, root: Path) -> str:
    if not (root / path).exists():
        return path
    at = PurePosixPath(path)
    head, dot, rest = at.name.partition(".")
    # Runners find files by how their names begin or end: test_a_2.py, a_2_test.go, a2.test.ts, A2Test.java.
    for number in range(2, 1000):
        for end in ("_test", "Test"):
            if head.endswith(end):
                name = f"{head.removesuffix(end)}{'_' if end[0] == '_' else ''}{number}{end}"
                break
        else:
            name = f"{head}_{number}"
        if not (root / at.with_name(f"{name}{dot}{rest}")).exists():
            return str(at.with_name(f"{name}{dot}{rest}"))
    raise NoRunner(f"There are too many files like {path}", "Remove some")
