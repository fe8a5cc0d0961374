"""`make prove-tests`: generated tests for real packages, run in a copy, and what is kept of them in a fresh checkout.

Installs pinned packages as data, asks a scripted model (tests/proofs) and the built-in one for tests of one function of
each, and writes what became of them into docs/tasks.md. Takes about twenty minutes on two cores; `--missing` goes on
where an earlier run was stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from rich.console import Console

from beastmode.app import App
from beastmode.context.syntax import definitions
from beastmode.domain.model import BUILTIN_ID, ModelSpec
from beastmode.settings import load
from beastmode.tasks.chat import Attachment
from beastmode.tasks.edits import write as write_change
from beastmode.tasks.proposal import Failed, Order, Proposed
from beastmode.tasks.testing.said import TestsDropped
from beastmode.tasks.verify import Judged, Kind, Sandbox, bench, runners
from beastmode.tasks.verify.testcode import without

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.support.model_server import ModelServer  # noqa: E402 - beside this script, on no path of its own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.model_server import Asked

    from beastmode.domain.errors import BeastModeError
    from beastmode.tasks.proposal import Proposal
    from beastmode.tasks.verify import Verdict

DOCUMENT = REPOSITORY / "docs" / "tasks.md"
ANSWERS = REPOSITORY / "tests" / "proofs"
OUT = REPOSITORY / "tests" / "benchmarks" / "out"
BEGIN, END = "<!-- proved: begin -->", "<!-- proved: end -->"
SCRIPTED = "custom:scripted"

console = Console(highlight=False, stderr=True)


@dataclass(frozen=True, slots=True)
class Subject:
    """A package, a file in it, and the function that tests are asked for."""

    package: str
    path: str
    name: str

    @property
    def folder(self) -> str:
        return self.path.partition("/")[0]


SUBJECTS = (
    Subject("inflection==0.5.1", "inflection/__init__.py", "ordinal"),
    Subject("humanize==4.17.0", "humanize/lists.py", "natural_list"),
    Subject("toolz==1.2.0", "toolz/dicttoolz.py", "dissoc"),
    Subject("semver==3.1.2", "semver/version.py", "Version.bump_minor"),
    Subject("roman-numerals==4.1.0", "roman_numerals/__init__.py", "RomanNumeral.to_uppercase"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the tests for one function: how many came how far, and those that pass in a fresh checkout.

    `taken_out`: expectations that did not hold, of tests that are kept without them.
    """

    package: str
    name: str
    generated: int
    collected: int
    passed: int
    stable: int
    killing: int
    kept: int
    passing_afresh: int
    coverage: str
    questions: int
    seconds: float
    taken_out: int = 0
    why_none: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("scripted", "builtin", "both"), default="both")
    parser.add_argument("--no-document", action="store_true", help="leave docs/ as it is")
    parser.add_argument("--missing", action="store_true", help="keep the rows of an earlier run, and add the others")
    chosen = parser.parse_args()
    cache = platformdirs.user_cache_path("beastmode", appauthor=False) / "proofs"
    models = ("scripted", "builtin") if chosen.model == "both" else (chosen.model,)
    for model in models:
        done = {(row.package, row.name): row for row in recorded(model)} if chosen.missing else {}
        for subject in SUBJECTS:
            if (subject.package, subject.name) not in done:
                (row,) = asyncio.run(prove((subject,), model, cache))
                done[row.package, row.name] = row
            record(model, [done[key] for each in SUBJECTS if (key := (each.package, each.name)) in done])
    # What was proved before with the other model stays in the document.
    tables = {model: rows for model in ("scripted", "builtin") if (rows := recorded(model))}
    text = "\n\n".join(table(model, rows) for model, rows in tables.items())
    if not chosen.no_document:
        put(DOCUMENT, f"{where()}\n\n{text}")
    sys.stdout.write(text + "\n")
    rows = [row for each in tables.values() for row in each]
    sys.exit(0 if all(row.passing_afresh == row.kept for row in rows) and any(row.kept for row in rows) else 1)


def recorded(model: str) -> list[Row]:
    """The rows that there are of a model."""
    file = OUT / f"prove-tests-{model}.json"
    return [Row(**each) for each in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def record(model: str, rows: Sequence[Row]) -> None:
    """Keep them, should the next one never come."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"prove-tests-{model}.json").write_text(
        json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8"
    )


async def prove(subjects: Sequence[Subject], model: str, cache: Path) -> list[Row]:
    """The row of each function.

    Args:
        subjects: the packages.
        model: "scripted" or "builtin".
        cache: a folder for packages and workspaces.
    """
    home = cache / f"home-{model}"
    shutil.rmtree(home, ignore_errors=True)
    own, _ = load(os.environ)
    settings, _ = load({"BEASTMODE_HOME": str(home)})
    settings = replace(settings, paths=replace(settings.paths, models_dir=own.paths.models_dir))
    rows = []
    async with ModelServer(answer) as server:
        app = await App.open(settings)
        try:
            spec = ModelSpec(SCRIPTED, "Scripted", "openai-compatible", server.base, "scripted", "openai-chat", None)
            await app.registry.add(spec, None)
            for subject in subjects:
                rows.append(await one(app, subject, model, cache))
                console.print(str(rows[-1]), style="dim", markup=False)
        finally:
            await app.close()
    return rows


def answer(asked: Asked) -> str:
    """What the scripted model says of the package that is in question; asked again, it leaves out the useless."""
    said = "\n".join(str(each["content"]) for each in asked.body["messages"])
    (subject,) = (each for each in SUBJECTS if f'path="{each.path}"' in said)
    text = (ANSWERS / f"{subject.folder}.md").read_text(encoding="utf-8")
    if "Your tests were run" not in said:
        return text
    head, _, rest = text.partition("```python\n")
    code = rest.partition("```")[0]
    names = [line.split("(")[0].removeprefix("def ") for line in code.split("\n") if line.startswith("def test_")]
    bad = [name for name in names if name.startswith(("test_useless", "test_leaning"))]
    return f"{head}```python\n{without(code, 'python', bad)}```\n"


async def one(app: App, subject: Subject, model: str, cache: Path) -> Row:
    """Ask for tests, and run what is kept in a fresh checkout."""
    name = subject.name
    package = install(subject.package, cache / "packages")
    root = workspace(package, subject, cache / "workspaces" / f"{model}-{subject.folder}")
    await app.consent.decide(root, Kind.TESTS, True)  # noqa: FBT003 - it is the value
    app.workspace.work_in([str(root)])
    lines = (root / subject.path).read_text(encoding="utf-8")
    (found,) = (each for each in definitions(lines, "python") if name in (each.name, f"{each.parent}.{each.name}"))
    files = (Attachment(subject.path, found.line, found.end_line),)
    order = Order("tests", "", files, model=BUILTIN_ID if model == "builtin" else SCRIPTED)
    began, last = time.monotonic(), None
    async with aclosing(app.work.run(order, root)) as events:
        async for event in events:
            last = event
    seconds = time.monotonic() - began
    if isinstance(last, Proposed) and last.proposal.verdict is not None:
        afresh = await in_a_fresh_checkout(app, package, subject, last.proposal, root)
        return row(subject, last.proposal.verdict, afresh, 1 + last.proposal.repaired, seconds)
    assert isinstance(last, Failed), last  # noqa: S101 - a task ends so, and running was allowed
    return none_kept(subject, last.error, seconds)


def row(of: Subject, verdict: Verdict, afresh: int, questions: int, seconds: float) -> Row:
    """How many tests came how far."""
    count = {judged: sum(test.judged is judged for test in verdict.tests) for judged in Judged}
    passed = len(verdict.tests) - count[Judged.FAILED] - count[Judged.SKIPPED]
    stable = passed - count[Judged.UNSTABLE]
    killing = stable - count[Judged.USELESS]
    coverage = "" if verdict.coverage is None else f"{len(verdict.coverage.run)} of {len(verdict.coverage.lines)}"
    kept = len(verdict.kept)
    return Row(
        of.package, of.name, verdict.generated, len(verdict.tests), passed, stable, killing, kept, afresh, coverage,
        questions, seconds, len(verdict.taken_out),
    )  # fmt: skip


def none_kept(subject: Subject, error: BeastModeError, seconds: float) -> Row:
    """The row of a function for which nothing could be kept; the last answer counts."""
    if isinstance(error, TestsDropped):
        found = row(subject, error.verdict, 0, 3, seconds)
        return replace(found, why_none=error.message)
    return Row(subject.package, subject.name, 0, 0, 0, 0, 0, 0, 0, "", 3, seconds, why_none=error.message)


async def in_a_fresh_checkout(app: App, package: Path, subject: Subject, proposal: Proposal, root: Path) -> int:
    """How many of the kept tests pass where nothing else of this run is."""
    fresh = workspace(package, subject, root.with_name(f"{root.name}-fresh"))
    await app.consent.decide(fresh, Kind.TESTS, True)  # noqa: FBT003 - it is the value
    assert proposal.change is not None  # noqa: S101 - something was kept
    await write_change(proposal.change, fresh, app.journals)
    sandbox = Sandbox(await app.consent.require(fresh, Kind.TESTS))
    async with bench(fresh, subject.path, runners()["pytest"], sandbox, app.settings.paths.home / "copies") as place:
        ran = await place.run(proposal.change.edits[0].path)
    return sum(state.value == "passed" for state, _ in ran.outcome.functions().values())


def install(package: str, folder: Path) -> Path:
    """The folder with a package's files, fetched the first time; only wheels, as building runs a package's code."""
    to = folder / package.replace("==", "-")
    if not to.exists():
        console.print(f"Fetching {package}", style="dim")
        half = to.with_name(f"{to.name}.half")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        only_files = ("--no-deps", "--only-binary", ":all:", "--no-compile", "--upgrade", "--target", str(half))
        subprocess.run([*pip, *only_files, package], check=True)
        half.rename(to)
    return to


def workspace(package: Path, subject: Subject, to: Path) -> Path:
    """A project with the package's sources, and this Python with pytest as its environment."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(package / subject.folder, to / subject.folder)
    (to / "tests").mkdir()
    (to / "pyproject.toml").write_text('[dependency-groups]\ntest = ["pytest"]\n', encoding="utf-8")
    (to / ".gitignore").write_text(".venv\n", encoding="utf-8")
    (to / ".venv").symlink_to(sys.prefix)
    return to


def where() -> str:
    """On which machine."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}."


def table(model: str, rows: Sequence[Row]) -> str:
    """One model's rows, and their sum."""
    counted = ("generated", "collected", "passed", "stable", "killing", "kept", "passing_afresh")
    title = {"scripted": "A scripted model", "builtin": "The built-in model (Qwen2.5-Coder-0.5B-Instruct)"}[model]
    heads = "function | generated | collected | passed | stable | notice a fault | kept | pass in a fresh checkout"
    more = "its lines run | expectations taken out | questions"
    lines = [f"{title}:", "", f"| {heads} | {more} |", f"| {' | '.join(['---'] * 11)} |"]
    for each in rows:
        figures = " | ".join(str(getattr(each, name)) for name in counted)
        name = f"`{each.name}` of {each.package.replace('==', ' ')}"
        lines.append(f"| {name} | {figures} | {each.coverage} | {each.taken_out} | {each.questions} |")
    asked = sum(each.questions for each in rows)
    sums = " | ".join(str(sum(getattr(each, name) for each in rows)) for name in counted)
    return "\n".join([*lines, f"| all | {sums} | | {sum(each.taken_out for each in rows)} | {asked} |"])


def put(document: Path, text: str) -> None:
    """Put a text between the marks of a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
