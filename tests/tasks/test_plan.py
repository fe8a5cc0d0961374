"""Plans as models write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from beastmode.tasks.edits import Guard
from beastmode.tasks.plan import LONGEST_WHY, MOST_STEPS, read_plan

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "as asked": "create src/a.py: the parser\nchange src/b.py: uses it\nrename c.py -> d/c.py: moved",
    "bullets": "Sure!\n\n- **Create** `src/a.py` - the parser\n"
    "* Modify `src/b.py`: uses it\n+ Move c.py to d/c.py (moved)",
    "numbered": "1. Create a new file `src/a.py`: the parser\n"
    "2) Update the file src/b.py: uses it\n3. rename c.py → d/c.py: moved",
    "headings": "## Files to create\n- `src/a.py`: the parser\n\n"
    "**Files to change:**\n- src/b.py: uses it\n\nFiles to move:\n",
    "json": '```json\n[{"action": "create", "path": "src/a.py", "why": "the parser"},'
    ' {"kind": "update", "file": "src/b.py", "reason": "uses it"},'
    ' {"kind": "rename", "path": "c.py", "to": "d/c.py", "why": "moved"}]\n```',
    "json in an object": '{"files": [{"kind": "create", "path": "src/a.py", "why": "the parser"},'
    ' {"kind": "change", "path": "src/b.py", "why": "uses it"}]}',
}


@pytest.mark.parametrize("written", CASES.values(), ids=CASES)
def test_a_plan_is_understood_however_it_is_written(tmp_path: Path, written: str) -> None:
    """The same steps come out of every form."""
    steps, refused = read_plan(written, Guard.of(tmp_path))
    told = [(step.kind, step.path, step.new_path, step.why) for step in steps]
    wanted = [
        ("create", "src/a.py", "", "the parser"),
        ("change", "src/b.py", "", "uses it"),
        ("rename", "c.py", "d/c.py", "moved"),
    ]
    assert told == wanted[: len(told)]
    assert len(told) >= 2
    assert not refused


@pytest.mark.parametrize("path", ["../a.py", "/etc/passwd", ".git/config", ".env", "~/.ssh/id_rsa", "C:/a.py"])
def test_a_path_that_no_model_may_write_is_left_out_and_said(tmp_path: Path, path: str) -> None:
    """The rest of the plan stands."""
    steps, refused = read_plan(f"change a.py: x\nchange {path}: y", Guard.of(tmp_path))
    assert [step.path for step in steps] == ["a.py"]
    assert len(refused) == 1


def test_a_plan_is_bounded(tmp_path: Path) -> None:
    """Files, and words for each."""
    written = "".join(f"create f{number}.py: {'why ' * 200}\n" for number in range(100))
    steps, refused = read_plan(written, Guard.of(tmp_path))
    assert len(steps) == MOST_STEPS
    assert all(len(step.why) <= LONGEST_WHY for step in steps)
    assert "more than" in refused[0]


def test_prose_is_no_plan(tmp_path: Path) -> None:
    """A model that only talks has planned nothing."""
    assert read_plan("I would add a file and then change things. Add tests too.", Guard.of(tmp_path)) == ((), ())


@examples(max_examples=50)
@given(st.text(max_size=300) | st.lists(st.sampled_from([*'*_-#`:[]{}\n" ', "create ", "a.py", "->"])).map("".join))
def test_any_answer_can_be_read(tmp_path_factory: pytest.TempPathFactory, written: str) -> None:
    """No answer is an error, and no step lies outside."""
    steps, _ = read_plan(written, Guard.of(tmp_path_factory.getbasetemp()))
    assert all(not step.path.startswith(("/", "..")) for step in steps)
