"""A load test as one web page with plots; see operations/page.py for what such a page may do."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeVar

from beastmode.operations.charts import curves
from beastmode.operations.evaluate.plots import curves as arrivals
from beastmode.operations.loadtest.measure import percentile
from beastmode.operations.loadtest.tables import changes, headline, latencies, notes, rates
from beastmode.operations.page import document
from beastmode.operations.svg import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.operations.loadtest.result import Change, Result
    from beastmode.operations.svg import Drawing

Point = TypeVar("Point")

MOST_DOTS = 3000
"""In one plot; of more, every so many are drawn."""


def as_html(result: Result, beside: Sequence[Change] = ()) -> str:
    """The page; with a comparison where there is one."""
    return document(f"Load test of {result.model}", _body(result, beside))


def _body(result: Result, beside: Sequence[Change]) -> Iterator[str]:
    yield f"<h1>Load test of {escape(result.model)}</h1><p class='soft'>{escape(result.started_at)}</p>"
    yield "".join(f"<p>{escape(said)}</p>" for said in headline(result))
    yield f"<h2>Latency</h2>{latencies(result).html()}"
    yield "<ul>" + "".join(f"<li class='soft'>{escape(note)}</li>" for note in notes(result)) + "</ul>"
    answered = [(step.name, _thinned(step.latencies_s)) for step in result.steps if step.answered]
    if answered:
        yield f"<figure>{arrivals('Share of answers that have come', answered)}</figure>"
    for drawing in _drawings(result):
        yield f"<figure>{drawn(drawing)}</figure>"
    yield f"<h2>Throughput and errors</h2>{rates(result).html()}"
    if beside:
        yield f"<h2>Beside the earlier test</h2>{changes(beside).html()}"
    yield "<p class='soft'>Made by <code>beastmode loadtest</code></p>"


def _drawings(result: Result) -> Iterator[Drawing]:
    steps = [step for step in result.steps if step.answered]
    callers = [float(step.concurrency or 0) for step in steps]
    if len(steps) > 1 and all(callers):
        through = [(at, step.throughput) for at, step in zip(callers, steps, strict=True)]
        yield curves(
            "Answers a second, by callers at once",
            [("answers", through)],
            "{:g}".format,
            "{:.1f}".format,
            ticks=callers,
        )
        times = [
            (name, [(at, percentile(step.latencies_s, q).value) for at, step in zip(callers, steps, strict=True)])
            for name, q in (("p50", 0.5), ("p95", 0.95))
        ]
        yield curves("Latency, by callers at once", times, "{:g}".format, _seconds, ticks=callers)
    for step in steps:
        points = _thinned(step.points)
        yield curves(
            f"Each answer, {step.name}: when it was asked, and how long it took",
            [("", points)],
            _seconds,
            _seconds,
            dots=True,
        )


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Every so many of them, and the last."""
    step = len(points) // MOST_DOTS + 1
    return [*points[:-1:step], *points[-1:]]


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"
