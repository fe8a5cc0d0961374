"""What is on the disk after anything that may happen to a run."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from beastmode.domain.errors import UserError
from beastmode.domain.response import FinishReason
from beastmode.domain.usage import Usage
from beastmode.operations.evaluate.asking import Said
from beastmode.operations.evaluate.holes import Hole, Kind
from beastmode.operations.evaluate.score import Score
from beastmode.operations.evaluate.store import Plan, Row, Run
from beastmode.operations.evaluate.variants import Variant

PLAN = Plan(
    roots=("/repo",),
    seed=1,
    variants=(Variant("custom:a"), Variant("custom:a", "naive")),
    holes=(Hole("repo/a.py", Kind.BLOCK, 3, 9), Hole("repo/\n[b]\udcff.py", Kind.SPAN, 1, 4)),
    files={"repo/a.py": "00", "repo/\n[b]\udcff.py": "11"},
    models={"custom:a": "22"},
    tests=("pytest", "-q"),
)
SAID = Said("return 1\n", FinishReason.STOP, Usage(10, 3), estimated=False, first_token_s=0.1, total_s=0.5)
ROW = Row(
    hole="repo/a.py#3-9",
    variant="custom:a, full",
    text="return ü🦁",
    replaced=1,
    reason="",
    seconds=0.5,
    replayed=False,
    key="k",
    said=SAID,
    sources={"search": 2},
    cost="0.0001",
    score=Score(shown=True, exact=False, first_line=True, similarity=0.5, parses=True, duplicates=False),
    tests=None,
)
NAME = "20260101-120000"


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    """Plan and rows, with every type; half of a surrogate pair too, as a model or a file's name may have one."""
    run = Run.begin(tmp_path / "evaluations", PLAN, NAME)
    rows = [ROW, replace(ROW, said=None, text="", reason="filter: x", seconds=None), replace(ROW, text="\ud83e")]
    for row in rows:
        run.add(row)
    again = Run.resume(tmp_path / "evaluations", NAME)
    assert again.plan == PLAN
    assert again.rows() == rows


def test_a_killed_process_loses_one_line(tmp_path: Path) -> None:
    """What it was writing is left out, and what is written next does not stick to it."""
    run = Run.begin(tmp_path, PLAN, NAME)
    run.add(ROW)
    path = run.folder / "rows.jsonl"
    with path.open("ab") as file:
        file.write(path.read_bytes()[:40])
    assert run.rows() == [ROW]
    run.add(replace(ROW, text="after"))
    assert [row.text for row in run.rows()] == [ROW.text, "after"]


def test_the_latest_run_is_last(tmp_path: Path) -> None:
    """Two in one second have names of their own."""
    runs = [Run.begin(tmp_path, PLAN, name) for name in (NAME, NAME, "20251231-235959")]
    assert [run.id for run in runs] == [NAME, f"{NAME}-2", "20251231-235959"]
    assert Run.resume(tmp_path, "last").id == f"{NAME}-2"


@pytest.mark.parametrize("name", ["last", NAME, "../etc", ""])
def test_a_run_that_is_not_there(tmp_path: Path, name: str) -> None:
    """The error says what to do; nothing outside of the folder is looked at."""
    Run.begin(tmp_path, PLAN, "etc")
    (tmp_path / "evaluations").mkdir()
    with pytest.raises(UserError, match="There is no run"):
        Run.resume(tmp_path / "evaluations", name)


def test_a_damaged_plan(tmp_path: Path) -> None:
    """It is refused, not guessed at."""
    run = Run.begin(tmp_path, PLAN, NAME)
    plan = run.folder / "plan.json"
    for text in ("{", "[]", "{}", plan.read_text(encoding="utf-8").replace('"holes"', '"halls"')):
        plan.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="damaged"):
            Run.resume(tmp_path, NAME)


@pytest.mark.skipif(os.name != "posix", reason="rights are told differently there")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """The user's code is in it."""
    run = Run.begin(tmp_path / "evaluations", PLAN, NAME)
    run.add(ROW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (run.folder, *run.folder.iterdir())}
    assert modes == {NAME: 0o700, "plan.json": 0o600, "rows.jsonl": 0o600}
