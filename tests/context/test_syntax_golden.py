"""What a file defines and imports: a small source file a language in syntax/, and beside it what we read in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from beastmode.context.syntax import definitions, imports
from beastmode.context.syntax.languages import GRAMMARS

FOLDER = Path(__file__).parent / "syntax"
SAMPLES = sorted(FOLDER.glob("*.sample"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_as_expected(path: Path) -> None:
    """Names, kinds, lines and what a caller needs; a field that says nothing is left out of the file."""
    text = path.read_text(encoding="utf-8")
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    found = [{**asdict(each), "names": list(each.names)} for each in imports(text, path.stem)]
    assert [{name: value for name, value in each.items() if value not in ("", [])} for each in found] == expected[
        "imports"
    ]
    shown = [{**asdict(each), "text": each.text.splitlines()} for each in definitions(text, path.stem)]
    assert [{name: value for name, value in each.items() if value != ""} for each in shown] == expected["definitions"]


def test_every_language_has_a_sample() -> None:
    """A language that shares its rows with another is tested by the other's."""
    alike = {"typescriptreact", "javascriptreact", "php-part"}
    assert {path.stem for path in SAMPLES} == set(GRAMMARS) - alike
