"""`make evaluate`: the engine beside a bare model, and without each source of context, on real packages.

Installs pinned packages as data (nothing of them is imported or run), fetches the built-in model where it is missing,
evaluates, and writes the table into docs/evaluate.md and the drawing beside it. Broken off, it goes on where it was.
Takes some hours on two cores; `--holes` makes it shorter, and what was asked before is not asked again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from rich.console import Console

from beastmode.app import App
from beastmode.domain.errors import UserError
from beastmode.domain.model import BUILTIN_ID
from beastmode.faces.cli.render import bar
from beastmode.operations.evaluate.evaluator import Wish
from beastmode.operations.evaluate.page import page
from beastmode.operations.evaluate.plots import bars, differences
from beastmode.operations.evaluate.summary import COMPARED, MEASURES
from beastmode.operations.evaluate.tables import about, differences_table, figures_table, kinds_table, verdicts
from beastmode.operations.svg import standalone
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.operations.evaluate.evaluator import Evaluator, Result
    from beastmode.operations.evaluate.store import Plan, Run
    from beastmode.operations.evaluate.summary import Summary
    from beastmode.settings import Settings

PACKAGES = ("any-llm-sdk==1.40.2", "chatlas==0.23.0", "mcp==2.3.0", "pydantic-evals==2.62.0")
"""Python written after the built-in model was trained, so that it cannot have seen the answers."""
REPOSITORY = Path(__file__).parents[1]
DOCUMENT = REPOSITORY / "docs" / "evaluate.md"
DRAWING = REPOSITORY / "docs" / "images" / "evaluate.svg"
OUT = REPOSITORY / "tests" / "benchmarks" / "out"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DUPLICATES_LIMIT = 0.01
TITLES = {"engine": "The engine beside the bare model", "sources": "Without each source of context"}

console = Console(highlight=False, stderr=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holes", type=int, default=200, help="for the engine beside the bare model")
    parser.add_argument("--source-holes", type=int, default=80, help="for the engine without each source of context")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-document", action="store_true", help="leave docs/ as it is")
    chosen = parser.parse_args()
    cache = platformdirs.user_cache_path("beastmode", appauthor=False) / "evaluation"
    roots = tuple(install(package, cache / "packages") for package in PACKAGES)
    # Two questions, each corrected for its own comparisons.
    wishes = {
        "engine": Wish(roots, (BUILTIN_ID,), chosen.holes, chosen.seed, naive=True, without=()),
        "sources": Wish(roots, (BUILTIN_ID,), chosen.source_holes, chosen.seed, without=("context", "each")),
    }
    results = {name: answered(name, wish, defaults(cache / "home")) for name, wish in wishes.items() if wish.holes}
    text = "\n\n".join(f"### {TITLES[name]}\n\n{measured(result.summary)}" for name, result in results.items())
    if not chosen.no_document:
        DRAWING.write_text(drawing(results["engine"].summary), encoding="utf-8")
        write(DOCUMENT, text)
    sys.stdout.write(text + "\n")
    sys.exit(0 if is_proven(results["engine"].summary) else 1)


def answered(name: str, wish: Wish, settings: Settings) -> Result:
    """One question's result, with its page and its figures in tests/benchmarks/out."""
    try:
        result = asyncio.run(evaluate(wish, settings))
    except UserError as error:
        sys.exit(str(error))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"evaluate-{name}.json").write_text(json.dumps(result.summary.as_json(), indent=1), encoding="utf-8")
    html = page(result.summary, result.run.plan, result.rows, result.files)
    (OUT / f"evaluate-{name}.html").write_text(html, encoding="utf-8", errors="replace")
    if result.error is not None:
        sys.exit(str(result.error))
    return result


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


def defaults(home: Path) -> Settings:
    """Nobody's own settings but where this machine keeps its model."""
    settings, _ = load({"BEASTMODE_HOME": str(home)})
    own, _ = load(os.environ)
    return replace(settings, paths=replace(settings.paths, models_dir=own.paths.models_dir))


async def evaluate(wish: Wish, settings: Settings) -> Result:
    """The whole run, or what is left of the last one."""
    app = await App.open(settings)
    try:
        if not app.embedded.fetched:
            with bar("Downloading the built-in model") as say:
                await app.embedded.fetch(say)
        evaluator = app.evaluator(os.environ)
        run = begin(evaluator, evaluator.plan(wish))
        with bar("Evaluating") as say:
            return await evaluator.evaluate(run, say, reuse=True)
    finally:
        await app.close()


def begin(evaluator: Evaluator, plan: Plan) -> Run:
    """The last run where it had the same plan, otherwise a new one."""
    try:
        last = evaluator.resume("last")
    except UserError:
        last = None
    if last is not None and last.plan == plan:
        console.print(f"Going on with {last.id}", style="dim")
        return last
    return evaluator.begin(plan)


def drawing(summary: Summary) -> str:
    """Exact match and edit similarity of each variant, and the differences."""
    drawn = []
    for measure in COMPARED:
        title = MEASURES[measure][0].capitalize()
        drawn.append(bars(title, [(each.name, each.measures[measure]) for each in summary.figures]))
        rows = [(each.other, each.by, each.beyond_chance) for each in summary.differences if each.measure == measure]
        drawn.append(differences(f"{title}: points that {summary.reference} is ahead", rows))
    return standalone(drawn)


def measured(summary: Summary) -> str:
    """What docs/evaluate.md says between its marks."""
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    said = "\n".join(f"- {each}" for each in verdicts(summary))
    tables = [each.markdown() for each in (figures_table(summary), differences_table(summary), kinds_table(summary))]
    parts = (f"{about(summary)} Seed {summary.seed}. {where}.", said, *tables)
    return "\n\n".join(parts)


def write(document: Path, text: str) -> None:
    """Put a text between the marks of a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def is_proven(summary: Summary) -> bool:
    """Whether the engine beats the bare model beyond chance in both measures, and hardly repeats what follows."""
    beside = [each for each in summary.differences if each.other == "naive"]
    full = summary.figures[0].measures
    failed: list[str] = [
        f"no proof that it is ahead in {MEASURES[each.measure][0]}"
        for each in beside
        if not (each.beyond_chance and each.by.value > 0)
    ]
    if "duplicates" not in full or full["duplicates"].value >= DUPLICATES_LIMIT:
        failed.append("too many suggestions repeat what follows")
    _say(failed)
    return bool(beside) and not failed


def _say(failed: Sequence[str]) -> None:
    for each in failed or ("The engine is ahead of the bare model beyond chance",):
        console.print(each)


if __name__ == "__main__":
    main()
