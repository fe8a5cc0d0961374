"""Where holes may be, whatever the files look like."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.operations.evaluate.files import SourceFile
from beastmode.operations.evaluate.holes import MOST_CHARACTERS, MOST_LINES, Kind, cut_holes
from beastmode.operations.evaluate.run import in_code as place

CODE = '''\
import os


def total(items):
    """The sum.

    Args:
        items: with prices.
    """
    result = 0
    for item in items:
        # taxes are in it
        result += item.price * item.count
    if result > 100:
        result = discount(result, 0.1)
        print("large order", result)
    return round(result, 2)
'''
LINES = st.sampled_from([*CODE.split("\n"), "", "\treturn x", "}", "ü = '🦁'", "x" * 300])


def files(*texts: str) -> list[SourceFile]:
    return [SourceFile(Path("/repo"), f"m{number}.py", "python", text) for number, text in enumerate(texts)]


def anywhere(_before: str, _after: str, _language: str) -> str:
    return "code"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(LINES, max_size=30).map("\n".join), min_size=1, max_size=4), st.integers(0, 99))
def test_a_hole_and_the_rest_are_the_file(texts: list[str], seed: int) -> None:
    """Nothing is lost, moved or cut twice; every filling is one that can be asked for."""
    of = {file.name: file for file in files(*texts)}
    holes = cut_holes(list(of.values()), 8, seed, place=anywhere)
    for hole in holes:
        before, truth, after = hole.cut(of[hole.file].text)
        assert before + truth + after == of[hole.file].text
        assert truth.strip() == truth
        assert any(each.isalnum() for each in truth)
        assert len(truth) <= MOST_CHARACTERS
        assert truth.count("\n") < MOST_LINES
    for one, other in combinations(holes, 2):
        assert one.file != other.file or one.end < other.start or other.end < one.start


def test_the_seed_decides() -> None:
    """The same seed cuts the same holes, another one others."""
    cut = [cut_holes(files(CODE * 9, CODE * 5), 12, seed, place=anywhere) for seed in (1, 1, 2)]
    assert cut[0] == cut[1] != cut[2]


def test_each_kind_is_cut_where_it_belongs() -> None:
    """A line from a token on, a whole body, whole lines, and a span with something behind it on its line."""
    holes = cut_holes(files(*[CODE * 3] * 9), 40, 1, place=anywhere)
    assert {kind: sum(hole.kind is kind for hole in holes) for kind in Kind} == dict.fromkeys(Kind, 10)
    for hole in holes:
        before, truth, after = hole.cut(CODE * 3)
        line_before, line_after = before.rpartition("\n")[2], after.partition("\n")[0]
        if hole.kind is Kind.SPAN:
            assert line_after.strip()
            continue
        assert not line_after.strip()
        assert bool(line_before.strip()) == (hole.kind is Kind.LINE)
        assert ("\n" in truth) or hole.kind is not Kind.LINES
        if hole.kind is Kind.BLOCK:
            header = before.rstrip().rpartition("\n")[2]
            assert header.endswith((":", '"""'))
            assert len(line_before) > len(header) - len(header.lstrip()) or header.endswith('"""')


def test_a_docstring_stays_in_the_file() -> None:
    """What a function promises is what its body can be known by."""
    holes = cut_holes(files(*[CODE] * 20), 30, 3, place=place, kinds=(Kind.BLOCK,))
    assert holes
    assert all('"""' not in hole.cut(CODE)[1] for hole in holes)
    assert any(hole.cut(CODE)[1].startswith("result = 0") for hole in holes)


def test_comments_and_strings_are_left_alone() -> None:
    """Real syntax decides: no hole begins in a comment or a docstring."""
    holes = cut_holes(files(*[CODE * 2] * 10), 40, 5, place=place)
    begins = {hole.cut(CODE * 2)[0].rpartition("\n")[2] for hole in holes}
    assert len(holes) > 30
    assert not [line for line in begins if "#" in line or line.lstrip().startswith(("items:", "The", "Args", '"""'))]


def test_no_file_speaks_for_all() -> None:
    """However long a file is, its share of the holes has an end."""
    holes = cut_holes(files(CODE * 40, CODE, CODE, CODE), 20, 1, place=anywhere)
    assert max(sum(hole.file == name for hole in holes) for name in ("repo/m0.py", "repo/m1.py")) <= 15


@pytest.mark.parametrize("text", ["", "\n\n\n", "}\n)\n]\n", "# only\n"])
def test_where_there_is_nothing_to_cut_nothing_is(text: str) -> None:
    """It ends, with no hole."""
    assert cut_holes(files(text), 4, 1, place=place) == []
    assert cut_holes([], 4, 1, place=place) == []
