"""Every kind of opportunity on samples of every language: where it is found, and where it must not be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from beastmode.context.opportunities import KINDS, find
from beastmode.context.opportunities.forms import FORMS

GOLDEN = Path(__file__).parent / "golden"
BLOCK = re.compile(r"^```(\w+)(?: path=(\S+))? ([-\d ]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Case:
    kind: str
    language: str
    path: str
    lines: str
    text: str


def unfolded(text: str) -> str:
    """`@repeat 3: x = {n}` as three lines."""
    lines: list[str] = []
    for line in text.splitlines():
        times, _, template = line.removeprefix("@repeat ").partition(": ")
        if line.startswith("@repeat "):
            lines += [template.replace("{n}", str(n)).replace("\\n", "\n") for n in range(int(times))]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def cases() -> list[Case]:
    found = []
    for file in sorted(GOLDEN.glob("*-*.md")):
        for language, path, lines, text in BLOCK.findall(file.read_text(encoding="utf-8")):
            default = "a.c" if language == "c" else "a.txt"
            found.append(Case(file.stem, language, path or default, lines.strip(), unfolded(text)))
    return found


CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}-{case.language}-{case.lines}" for case in CASES])
def test_a_kind_is_found_where_it_is_and_nowhere_else(case: Case) -> None:
    """The lines of all findings of the kind are those that the sample says."""
    found = [each for each in find(case.text, case.path, case.language) if each.kind == case.kind]
    assert " ".join(f"{each.line + 1}-{each.end_line + 1}" for each in found) == case.lines.strip("-")


def test_every_kind_has_samples_of_both_sorts() -> None:
    """A rule without a case where it must keep quiet is not finished."""
    for kind in KINDS:
        sorts = {case.lines == "-" for case in CASES if case.kind == kind}
        assert sorts == {True, False}, kind


def test_every_language_has_samples() -> None:
    """What is claimed for a language is shown for it."""
    spoken = {case.language for case in CASES} | {"javascriptreact"}
    assert spoken >= FORMS.keys()
