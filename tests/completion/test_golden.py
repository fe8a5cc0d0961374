"""Every file under golden/ is a case; golden/README.md says how to write one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.completion.fakes import build
from tests.completion.pictures import cursor_at, drawn, split

from beastmode.completion.postprocess import CURSOR_PIPELINE, MODEL_PIPELINE
from beastmode.completion.postprocess.broken_tail import broken_tail
from beastmode.completion.postprocess.half_line import half_line
from beastmode.domain.response import FinishReason

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.rglob("*.toml"))
KEYS = {"description", "language", "given", "expected", "reason", "cut", "newline", "document_newline"}
NEWLINES = {"lf": "\n", "crlf": "\r\n"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_golden(file: Path) -> None:
    """The engine makes of a model's text at a cursor what the picture expects."""
    case = tomllib.loads(file.read_text(encoding="utf-8"))
    assert not (unknown := case.keys() - KEYS), f"unknown keys {unknown}, known are {sorted(KEYS)}"
    picture, text = split(case["given"])
    cursor = cursor_at(picture, language=case["language"], newline=NEWLINES[case.get("document_newline", "lf")])
    said = text.replace("\n", NEWLINES[case.get("newline", "lf")])
    # In pieces of three characters, so that every case is also one of streaming.
    pieces = [said[at : at + 3] for at in range(0, len(said), 3)]
    finish = FinishReason.LENGTH if case.get("cut") else FinishReason.STOP
    engine, _, _ = build([*pieces, finish])

    answer = await engine.suggest(cursor, explicit=True)

    if "reason" in case:
        assert (answer.suggestions, answer.reason) == ((), case["reason"])
    else:
        assert answer.reason == ""
        assert drawn(cursor, answer.suggestions[0]) == case["expected"]


def test_there_are_enough() -> None:
    """The glob finds the cases, in many languages."""
    languages = {tomllib.loads(file.read_text(encoding="utf-8"))["language"] for file in FILES}
    assert len(FILES) >= 200
    assert languages >= set(
        "python typescript typescriptreact javascript javascriptreact go rust java c cpp csharp ruby php shellscript "  # noqa: SIM905 - reads
        "html css json yaml toml sql markdown makefile dockerfile kotlin lua".split()
    )


def test_every_filter_has_a_folder() -> None:
    """No filter goes without a golden case."""
    names = {each.__name__ for each in (half_line, *MODEL_PIPELINE, broken_tail, *CURSOR_PIPELINE)}
    assert names <= {folder.name for folder in GOLDEN.iterdir()}
