"""A summary in words and tables, the same for the terminal, the page and the documents. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.operations.evaluate.summary import COMPARED, LOWER_IS_BETTER, MEASURES
from beastmode.operations.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.operations.evaluate.chance import Interval
    from beastmode.operations.evaluate.summary import Difference, Figures, Summary

SMALL = 0.001
"""Below this a p value is told as smaller than it."""


def about(summary: Summary) -> str:
    """What was compared on what, in one sentence."""
    kinds = ", ".join(f"{number} {kind}" for kind, number in summary.kinds.items())
    missing = "" if summary.holes == summary.planned else f" (of {summary.planned} planned)"
    where = f"{summary.files} files of {', '.join(summary.repositories)}"
    return f"{', '.join(summary.models)} on {summary.holes} holes{missing} in {where}" + (
        f" ({kinds})." if kinds else "."
    )


def verdicts(summary: Summary) -> list[str]:
    """For each other variant, what the differences say."""
    return [_verdict(summary.reference, other, found) for other, found in _by_other(summary)]


def _by_other(summary: Summary) -> Iterator[tuple[str, list[Difference]]]:
    for other in dict.fromkeys(each.other for each in summary.differences):
        yield other, [each for each in summary.differences if each.other == other]


def _verdict(reference: str, other: str, found: Sequence[Difference]) -> str:
    sure = [each for each in found if each.beyond_chance]
    if not sure:
        return f"{reference} and {other}: no difference beyond chance."
    told = ", ".join(
        f"{abs(each.by.value) * 100:.1f} points {'more' if each.by.value > 0 else 'less'} {MEASURES[each.measure][0]}"
        for each in sure
    )
    rest = "" if len(sure) == len(found) else "; the rest may be chance"
    return f"{reference} beside {other}: {told}, beyond chance{rest}."


def figures_table(summary: Summary) -> Table:
    """One row a variant."""
    measures = [name for name in MEASURES if any(name in each.measures for each in summary.figures)]
    columns = ("asked", *(MEASURES[name][0] for name in measures), "p50", "p95", "tokens in", "out", "$ per 1000")
    return Table(columns, tuple(_figures(each, measures) for each in summary.figures))


def _figures(figures: Figures, measures: Sequence[str]) -> tuple[str, ...]:
    mark = "~" if figures.estimated else ""
    return (
        figures.name,
        *(_share(figures.measures.get(name), name) for name in measures),
        _seconds(figures.p50_s),
        _seconds(figures.p95_s),
        "-" if figures.input_tokens is None else f"{mark}{figures.input_tokens:.0f}",
        "-" if figures.output_tokens is None else f"{mark}{figures.output_tokens:.0f}",
        "unknown" if figures.per_thousand is None else f"{figures.per_thousand:.2f}",
    )


def differences_table(summary: Summary) -> Table:
    """One row a comparison."""
    columns = (
        f"{summary.reference} minus",
        "in",
        "points",
        "95 % interval",
        "better in",
        "worse in",
        "p",
        "corrected",
        "",
    )
    return Table(columns, tuple(map(_difference, summary.differences)))


def _difference(each: Difference) -> tuple[str, ...]:
    return (
        each.other,
        MEASURES[each.measure][0],
        f"{each.by.value * 100:+.1f}",
        f"{each.by.low * 100:+.1f} to {each.by.high * 100:+.1f}",
        str(each.wins),
        str(each.losses),
        _chance(each.chance),
        _chance(each.corrected),
        "beyond chance" if each.beyond_chance else "may be chance",
    )


def kinds_table(summary: Summary) -> Table:
    """Exact match and edit similarity by kind of hole."""
    kinds = list(summary.kinds)
    columns = ("asked", *(f"{kind}: {_MEASURE_SHORT[measure]}" for kind in kinds for measure in COMPARED))
    rows = tuple(
        (each.name, *(_rate(each.by_kind[kind].get(measure)) for kind in kinds for measure in COMPARED))
        for each in summary.figures
    )
    return Table(columns, rows)


_MEASURE_SHORT = {"exact": "exact", "similarity": "similar"}


def _share(value: Interval | None, measure: str) -> str:
    if value is None:
        return "-"
    digits = 1 if measure in LOWER_IS_BETTER else 0
    low, high = value.low * 100, value.high * 100
    return f"{value.value * 100:.1f} % ({low:.{digits}f}-{high:.{digits}f})"


def _rate(value: Interval | None) -> str:
    return "-" if value is None else f"{value.value * 100:.0f} %"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _chance(value: float) -> str:
    return f"<{SMALL}" if value < SMALL else f"{value:.3f}"
