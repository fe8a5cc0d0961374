"""A summary as one web page that needs nothing else: no script, no font, no picture from anywhere.

All text on it that comes from a repository or a model is escaped, and the page's own policy allows it nothing.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from beastmode.operations.evaluate.plots import bars, curves, differences
from beastmode.operations.evaluate.score import added
from beastmode.operations.evaluate.summary import COMPARED, MEASURES
from beastmode.operations.evaluate.tables import about, differences_table, figures_table, kinds_table, verdicts
from beastmode.operations.page import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from beastmode.operations.evaluate.files import SourceFile
    from beastmode.operations.evaluate.store import Plan, Row
    from beastmode.operations.evaluate.summary import Summary

MISSES = 12
LINES_AROUND = 5
TOPS = (0.05, 0.2, 0.6, 1.0)
"""Where the axis of a measure may end."""
LONGEST_SHOWN = 1200

_STYLE = """
.verdicts { padding-left: 1.1rem; } .verdicts li { margin: .3rem 0; }
article { border: 1px solid var(--line); border-radius: 8px; margin: 1.1rem 0; overflow: hidden; }
article header { padding: .5rem .9rem; background: var(--track); font-size: .87rem; overflow-wrap: anywhere; }
pre { font: 12.5px/1.5 ui-monospace, monospace; margin: 0; padding: .7rem .9rem; overflow-x: auto; tab-size: 4; }
pre .was { background: color-mix(in srgb, #2f8f5b 24%, transparent); }
pre .said { background: color-mix(in srgb, #c2571a 24%, transparent); }
pre .far { color: var(--soft); }
.two { display: grid; grid-template-columns: 1fr 1fr; } .two > div { min-width: 0; }
.two > div + div { border-left: 1px solid var(--line); }
.two h3 { font-size: .78rem; margin: 0; padding: .5rem .9rem 0; color: var(--soft); font-weight: 600; }
@media (max-width: 640px) { .two { grid-template-columns: 1fr; } .two > div + div { border-left: 0; } }
"""


def page(summary: Summary, plan: Plan, rows: Sequence[Row], files: Mapping[str, SourceFile]) -> str:
    """The page, as HTML.

    Args:
        summary: of the rows.
        plan: of the run.
        rows: all of them, for the examples.
        files: by name, with the holes' truth.
    """
    return document(f"Evaluation {summary.run}", _body(summary, plan, rows, files), _STYLE)


def _body(summary: Summary, plan: Plan, rows: Sequence[Row], files: Mapping[str, SourceFile]) -> Iterator[str]:
    yield f"<h1>How well the holes were filled</h1><p class='soft'>{escape(about(summary))}</p>"
    if not summary.holes:
        yield "<p>No hole was answered by every variant yet.</p>"
        return
    said = verdicts(summary)
    if said:
        yield "<ul class='verdicts'>" + "".join(f"<li>{escape(each)}</li>" for each in said) + "</ul>"
    for measure in MEASURES:
        found = [(each.name, each.measures[measure]) for each in summary.figures if measure in each.measures]
        if found and measure not in {"shown", "first_line"}:
            most = max(value.high for _, value in found)
            top = next(each for each in TOPS if most <= each)
            yield f"<figure>{bars(MEASURES[measure][0].capitalize(), found, top=top)}</figure>"
    yield "<p class='soft'>Lines show 95 % intervals.</p>"
    yield f"<h2>All figures</h2>{figures_table(summary).html()}"
    if summary.differences:
        yield "<h2>What is beyond chance</h2>"
        yield (
            f"<p class='soft'>{escape(summary.reference)} compared with each other one on the same holes, in points"
            " of a hundred: to the right, it is better. Coloured dots are beyond chance.</p>"
        )
        for measure in COMPARED:
            drawn = [
                (each.other, each.by, each.beyond_chance) for each in summary.differences if each.measure == measure
            ]
            yield f"<figure>{differences(MEASURES[measure][0].capitalize(), drawn)}</figure>"
        yield differences_table(summary).html()
    yield f"<h2>By kind of hole</h2>{kinds_table(summary).html()}"
    timed = [(each.name, each.seconds) for each in summary.figures if each.seconds]
    if timed:
        yield f"<h2>How long it took</h2><figure>{curves('Share of suggestions that have come', timed)}"
        yield "<figcaption>A question is asked once, and its time counts for all who asked it.</figcaption></figure>"
    yield from _misses(plan, rows, files)
    made = "Made by <code>beastmode evaluate</code>"
    yield f"<p class='soft'>Run {escape(summary.run)}, seed {summary.seed}. {made}.</p>"


def _misses(plan: Plan, rows: Sequence[Row], files: Mapping[str, SourceFile]) -> Iterator[str]:
    """What the first variant showed that was furthest from the truth, and then what it did not show."""
    holes = {hole.id: hole for hole in plan.holes}
    own = [row for row in rows if row.variant == plan.variants[0].name and not row.score.exact]
    worst = sorted(own, key=lambda row: (not row.score.shown, row.score.similarity))[:MISSES]
    if not worst:
        return
    yield f"<h2>Worst misses</h2><p class='soft'>Of {escape(plan.variants[0].name)}.</p>"
    for row in worst:
        hole, file = holes[row.hole], files[holes[row.hole].file]
        before, truth, after = hole.cut(file.text)
        line = before.count("\n") + 1
        told = f"{row.score.similarity:.0%} alike" if row.score.shown else f"nothing shown: {row.reason}"
        if row.score.duplicates:
            told += ", repeats what follows"
        if row.score.parses is False:
            told += ", a syntax error"
        inserted = added(row.text, row.replaced, after)
        yield (
            f"<article><header>{escape(hole.file)}, line {line} · {hole.kind} · {escape(told)}</header>"
            "<div class='two'>"
            f"<div><h3>Was</h3>{_code(before, truth, after, 'was')}</div>"
            f"<div><h3>Suggested</h3>{_code(before, inserted, after, 'said')}</div></div></article>"
        )


def _code(before: str, middle: str, after: str, kind: str) -> str:
    above = "\n".join(before.split("\n")[-LINES_AROUND:])
    below = "\n".join(after.split("\n")[:LINES_AROUND])
    shown = middle if len(middle) <= LONGEST_SHOWN else f"{middle[:LONGEST_SHOWN]}…"
    return (
        f"<pre><span class='far'>{escape(above[-LONGEST_SHOWN:])}</span><span class='{kind}'>{escape(shown)}</span>"
        f"<span class='far'>{escape(below[:LONGEST_SHOWN])}</span></pre>"
    )
