"""The page: whatever a repository or a model says, it stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from beastmode.operations.evaluate.files import SourceFile
from beastmode.operations.evaluate.holes import Hole, Kind
from beastmode.operations.evaluate.page import page
from beastmode.operations.evaluate.plots import bars, curves, differences
from beastmode.operations.evaluate.score import Score
from beastmode.operations.evaluate.store import Plan, Row
from beastmode.operations.evaluate.summary import summarize
from beastmode.operations.evaluate.tables import about, differences_table, figures_table, kinds_table, verdicts
from beastmode.operations.evaluate.variants import Variant
from beastmode.operations.svg import standalone

EVIL = "</pre><script src='https://evil.example/x.js'>alert(1)</script><img src=x onerror=alert(2)>"
FILE = SourceFile(Path("/<repo>&"), "a.py", "python", f"x = '{EVIL}'\n" * 40)
MODELS = ("custom:<b>one", "custom:two")


def hole(number: int) -> Hole:
    start = number * len(f"x = '{EVIL}'\n") + 4
    return Hole(FILE.name, Kind.LINE, start, start + len(EVIL) + 2)


PLAN = Plan(("/<repo>&",), 1, tuple(Variant(model) for model in MODELS), tuple(map(hole, range(20))), {}, {})


def row(number: int, model: str, *, exact: bool, seconds: float = 0.2, cost: str | None = "0.001") -> Row:
    score = Score(True, exact, exact, 1.0 if exact else 0.25, parses=True, duplicates=False)  # noqa: FBT003  # shown
    text = "right" if exact else EVIL
    return Row(hole(number).id, f"{model}, full", text, 0, "", seconds, False, "", None, {"search": 2}, cost, score)  # noqa: FBT003  # asked anew


ROWS = [row(number, MODELS[0], exact=True) for number in range(20)] + [
    row(number, MODELS[1], exact=number % 2 == 0, cost=None) for number in range(20)
]


def test_everything_hostile_is_escaped() -> None:
    """No element and no address that a repository or a model brought is on the page."""
    wrong = [replace(each, text=EVIL, score=replace(each.score, exact=False, similarity=0.1)) for each in ROWS]
    html = page(summarize("<run>", PLAN, wrong, [EVIL]), PLAN, wrong, {FILE.name: FILE})
    assert "evil.example" in html, "it is shown, as text"
    assert "<repo>" not in html
    assert "<b>" not in html
    assert not re.search(r"<(script|img|link|iframe|object|form)|<[^>]*\son\w+\s*=", html)
    assert not re.search(r"<[^>]*(src|href|action)\s*=", html)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_drawings_are_whole_and_stay_in_their_frame() -> None:
    """Well-formed, with every coordinate a number inside of the picture; what is nought can be drawn, too."""
    summary = summarize("r", PLAN, ROWS)
    of = [(each.name, each.measures["exact"]) for each in summary.figures]
    between = [(each.other, each.by, each.beyond_chance) for each in summary.differences]
    drawn = [bars("A & B", of), differences("<d>", between), curves("t", [("a", [0.1, 0.2]), ("b", [0.0])])]
    for svg in (*drawn, standalone(drawn)):
        width = float(ET.fromstring(svg).get("width", ""))  # noqa: S314  # our own drawing
        numbers = [float(each) for each in re.findall(r'\s(?:x|x1|x2|cx)="([^"]*)"', svg)]
        assert all(0 <= each <= width for each in numbers), numbers


def test_the_figures_are_those_of_the_rows() -> None:
    """Ten of twenty against twenty of twenty: counted, compared, and beyond chance where it is."""
    summary = summarize("r", PLAN, ROWS)
    one, two = summary.figures
    assert (one.measures["exact"].value, two.measures["exact"].value) == (1.0, 0.5)
    assert two.measures["similarity"].value == 0.625
    assert (str(one.per_thousand), two.per_thousand) == ("1.000", None)
    exact = next(each for each in summary.differences if each.measure == "exact")
    assert (exact.wins, exact.losses, exact.by.value) == (10, 0, 0.5)
    assert exact.chance == 2 / 1024
    assert exact.beyond_chance
    similar = next(each for each in summary.differences if each.measure == "similarity")
    assert not similar.beyond_chance, "all holes are of one file"
    assert summary.as_json()["differences"][0]["beyond_chance"] is True


def test_only_what_everybody_answered_is_compared() -> None:
    """A variant that is behind takes its holes out of everybody's figures."""
    behind = [each for each in ROWS if each.hole != hole(3).id or each.variant.startswith(MODELS[1])]
    summary = summarize("r", PLAN, behind)
    assert (summary.holes, summary.planned) == (19, 20)
    empty = summarize("r", PLAN, [])
    assert empty.holes == 0
    assert "No hole" in page(empty, PLAN, [], {})


def test_tables_say_the_same_as_the_page() -> None:
    """Each variant has its row; with markdown's own character escaped."""
    summary = summarize("r", PLAN, ROWS)
    assert [cells[0] for cells in figures_table(summary).rows] == list(MODELS)
    assert "20 holes in 1 files" in about(summary)
    assert "50.0 points more exact match, beyond chance" in verdicts(summary)[0]
    assert len(differences_table(summary).rows) == 2
    assert kinds_table(summary).rows[1][1] == "50 %"
    assert replace(kinds_table(summary), rows=(("a|b", "c"),)).markdown().endswith("| a\\|b | c |")
