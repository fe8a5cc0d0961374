"""Drawings of a summary as SVG. Pure; every text that comes from elsewhere is escaped here."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from beastmode.operations.evaluate.chance import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from beastmode.operations.evaluate.chance import Interval

WIDTH = 880
LABEL, VALUE = 290, 170
"""What a row keeps free for its label on the left and its figures on the right."""
ROW, TOP, BOTTOM = 30, 34, 26
REACHES = (0.02, 0.04, 0.1, 0.2, 0.4, 1.0)
"""Where a drawing of differences may end, so that its marks are round numbers."""
_PLOT = WIDTH - LABEL - VALUE
LONGEST_LABEL = 40
CURVE_HEIGHT = 260
COLOURS = 6
"""Of the curves, before they come again, as dashes."""

STYLE = """
svg { font: 13px system-ui, sans-serif; }
svg .title { font-weight: 600; fill: var(--ink); }
svg .label { fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .track { fill: var(--track); } svg .bar { fill: var(--bar); } svg .first { fill: var(--first); }
svg .range { stroke: var(--ink); stroke-width: 1.6; } svg .grid { stroke: var(--line); stroke-width: 1; }
svg .zero { stroke: var(--soft); stroke-width: 1.4; }
svg .sure { fill: var(--first); } svg .unsure { fill: var(--soft); }
svg .curve { fill: none; stroke-width: 2; }
svg .c0 { stroke: var(--first); } svg .c1 { stroke: #c2571a; } svg .c2 { stroke: #2f8f5b; }
svg .again { stroke-dasharray: 5 3; }
svg .c3 { stroke: #8a5cc2; } svg .c4 { stroke: #b58900; } svg .c5 { stroke: #c23a6b; }
"""
LIGHT = "--ink:#1d2430;--soft:#667085;--line:#e3e7ee;--track:#eef1f6;--bar:#9db4d6;--first:#2b6cd4;--paper:#fff"
DARK = "--ink:#e6e9ef;--soft:#98a2b3;--line:#333a47;--track:#262c37;--bar:#4a638c;--first:#6ea8fe;--paper:#161a21"


def bars(title: str, rows: Sequence[tuple[str, Interval]], *, top: float = 1.0) -> str:
    """A bar with its interval for each row; the first one stands out.

    Args:
        title: above the drawing.
        rows: a label and shares between 0 and 1 each.
        top: the share at the right end.
    """

    def x(share: float) -> float:
        return LABEL + _PLOT * min(share, top) / top

    def parts() -> Iterator[str]:
        for step in range(5):
            share = top * step / 4
            yield _line("grid", x(share), TOP, x(share), TOP + ROW * len(rows))
            yield _text("soft", x(share), TOP + ROW * len(rows) + 17, _share(share, top), "middle")
        for number, (label, (value, low, high)) in enumerate(rows):
            y = TOP + ROW * number
            yield _text("label", LABEL - 12, y + 20, _short(label), "end")
            kind = "first" if number == 0 else "bar"
            width = max(x(value) - LABEL, 1)
            yield f'<rect class="{kind}" x="{LABEL}" y="{y + 7}" width="{width:.1f}" height="16" rx="2"/>'
            yield _whisker(x(low), x(high), y + 15)
            yield _text(
                "label",
                WIDTH - VALUE + 14,
                y + 20,
                f"{_share(value, top)}  ({_share(low, top)} to {_share(high, top)})",
            )

    return _svg(title, TOP + ROW * len(rows) + BOTTOM, parts())


def differences(title: str, rows: Sequence[tuple[str, Interval, bool]]) -> str:
    """A dot with its interval for each difference, left and right of zero; those beyond chance stand out."""
    most = max((max(abs(low), abs(high)) for _, (_, low, high), _ in rows), default=0)
    reach = next((each for each in REACHES if most <= each), most)

    def x(value: float) -> float:
        return LABEL + _PLOT * (value / reach + 1) / 2

    def parts() -> Iterator[str]:
        bottom = TOP + ROW * len(rows)
        for step in (-1.0, -0.5, 0.0, 0.5, 1.0):
            yield _line("zero" if step == 0 else "grid", x(step * reach), TOP, x(step * reach), bottom)
            yield _text("soft", x(step * reach), bottom + 17, f"{step * reach * 100:+.0f}" if step else "0", "middle")
        for number, (label, (value, low, high), sure) in enumerate(rows):
            y = TOP + ROW * number
            yield _text("label", LABEL - 12, y + 20, _short(label), "end")
            yield _whisker(x(low), x(high), y + 15)
            yield f'<circle class="{"sure" if sure else "unsure"}" cx="{x(value):.1f}" cy="{y + 15}" r="5.5"/>'
            yield _text(
                "label" if sure else "soft",
                WIDTH - VALUE + 14,
                y + 20,
                f"{value * 100:+.1f}  ({low * 100:+.1f} to {high * 100:+.1f})",
            )

    return _svg(title, TOP + ROW * len(rows) + BOTTOM, parts())


def curves(title: str, rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """For each row the share of answers that have come by a time; the seconds are ascending, and there are some."""
    top = max((quantile(seconds, 0.98) for _, seconds in rows), default=0) * 1.05 or 1.0
    left, right = 60, WIDTH - 20

    def x(second: float) -> float:
        return left + (right - left) * min(second, top) / top

    def y(share: float) -> float:
        return TOP + CURVE_HEIGHT * (1 - share)

    def parts() -> Iterator[str]:
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            yield _line("grid", left, y(share), right, y(share))
            yield _text("soft", left - 8, y(share) + 4, f"{share * 100:.0f} %", "end")
        for step in range(6):
            yield _text("soft", x(top * step / 5), y(0) + 18, f"{top * step / 5:.{1 if top < 20 else 0}f} s", "middle")  # noqa: PLR2004 - so short that a decimal matters
        for number, (label, seconds) in enumerate(rows):
            points = [(x(second), y((place + 1) / len(seconds))) for place, second in enumerate(seconds)]
            way = f"M{points[0][0]:.1f} {y(0):.1f}" + "".join(
                f"V{at_y:.1f}H{next_x:.1f}" for (_, at_y), (next_x, _) in pairwise(points)
            )
            yield f'<path class="curve {_colour(number)}" d="{way}V{points[-1][1]:.1f}H{right}"/>'
            row_y = y(0) + 44 + 20 * number
            yield f'<path class="curve {_colour(number)}" d="M{left} {row_y - 4}h24"/>'
            yield _text(
                "label",
                left + 32,
                row_y,
                f"{label}: half within {quantile(seconds, 0.5):.2f} s, 95 % within {quantile(seconds, 0.95):.2f} s",
            )

    return _svg(title, TOP + CURVE_HEIGHT + 36 + 20 * len(rows), parts())


def standalone(drawings: Sequence[str], heights: Sequence[int] | None = None) -> str:
    """Drawings below each other as one SVG file that brings its own colours, for light and for dark."""
    heights = heights or [int(each.split('height="', 1)[1].split('"', 1)[0]) for each in drawings]
    total = sum(heights)
    placed, at = [], 0
    for drawing, height in zip(drawings, heights, strict=True):
        placed.append(drawing.replace("<svg ", f'<svg y="{at}" ', 1))
        at += height
    style = (
        f":root{{{LIGHT}}} @media (prefers-color-scheme: dark){{:root{{{DARK}}}}} .paper{{fill:var(--paper)}} {STYLE}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" viewBox="0 0 {WIDTH} {total}">'
        f"<style>{style}</style>"
        f'<rect class="paper" width="{WIDTH}" height="{total}"/>{"".join(placed)}</svg>\n'
    )


def _svg(title: str, height: int, parts: Iterable[str]) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return f"{head}{_text('title', 0, 20, title)}{''.join(parts)}</svg>"


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _whisker(low: float, high: float, y: float) -> str:
    ends = "".join(_line("range", x, y - 4, x, y + 4) for x in (low, high))
    return _line("range", low, y, high, y) + ends


def _share(value: float, top: float) -> str:
    return f"{value * 100:.{1 if top <= 0.2 else 0}f} %"  # noqa: PLR2004 - small shares need a decimal


def _colour(number: int) -> str:
    return f"c{number % COLOURS}" + (" again" if number >= COLOURS else "")


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
