"""Every file under cases/ is an answer of a model; cases/README.md says how to write one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.tasks.edits.trees import made, picture, texts

from beastmode.domain.errors import BeastModeError
from beastmode.tasks.edits import FORMATS, CannotApply, Guard, WorkspaceFiles, diff, preview, read_change, write

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.rglob("*.toml"))
KEYS = {"description", "format", "answer", "files", "repeat", "default_path", "expected", "error", "kind"}


def filled(text: str, repeat: dict[str, list[str | int]]) -> str:
    for word, (piece, times) in repeat.items():
        text = text.replace(word, str(piece) * int(times))
    return text


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_case(file: Path, tmp_path: Path) -> None:
    """An answer becomes exactly the change it means, or nothing and an error that says what to do."""
    case = tomllib.loads(file.read_text(encoding="utf-8"))
    assert not (unknown := case.keys() - KEYS), f"unknown keys {unknown}, known are {sorted(KEYS)}"
    repeat = case.get("repeat", {})
    files = {path: filled(text, repeat) for path, text in case.get("files", {}).items()}
    root = made(tmp_path, files)
    before, inside, outside = texts(root), picture(root), picture(tmp_path / "outside")
    told: BeastModeError | None = None

    try:
        change = read_change(
            filled(case["answer"], repeat),
            case["format"],
            WorkspaceFiles(root),
            Guard.of(root),
            default_path=case.get("default_path"),
        )
        assert diff(change)
        assert preview(change)
        await write(change, root, tmp_path / "journal")
    except BeastModeError as error:
        told = error

    assert picture(tmp_path / "outside") == outside
    if "error" in case:
        assert told is not None, texts(root)
        said = f"{told.message}\n{told.fix}\n{told.for_model if isinstance(told, CannotApply) else ''}"
        assert [words for words in case["error"] if words not in said] == [], said
        assert told.kind == case.get("kind", "cannot_apply")
        assert told.fix
        assert picture(root) == inside
    else:
        assert told is None, f"{told}\n{told.for_model if isinstance(told, CannotApply) else ''}"
        wanted = dict(before)
        for path, text in case["expected"].items():
            if path.startswith("deleted:"):
                del wanted[path.removeprefix("deleted:")]
            else:
                wanted[path] = filled(text, repeat).encode()
        assert texts(root) == wanted
    assert list((tmp_path / "journal").rglob("plan.json")) == []


def test_there_are_enough() -> None:
    """The glob finds the cases, in every format and of both ends."""
    cases = [tomllib.loads(file.read_text(encoding="utf-8")) for file in FILES]
    assert len(cases) >= 60
    assert {case["format"] for case in cases} == set(FORMATS)
    assert sum("error" in case for case in cases) >= 30
    assert sum("expected" in case for case in cases) >= 30
    assert all(("error" in case) != ("expected" in case) for case in cases)
