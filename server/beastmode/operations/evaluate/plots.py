"""Drawings of a summary as SVG. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from beastmode.operations.evaluate.chance import quantile
from beastmode.operations.svg import WIDTH, line, short, svg, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.operations.evaluate.chance import Interval

LABEL, VALUE = 290, 170
"""What a row keeps free for its label on the left and its figures on the right."""
ROW, TOP, BOTTOM = 30, 34, 26
REACHES = (0.02, 0.04, 0.1, 0.2, 0.4, 1.0)
"""Where a drawing of differences may end, so that its marks are round numbers."""
_PLOT = WIDTH - LABEL - VALUE
CURVE_HEIGHT = 260
COLOURS = 6
"""Of the curves, before they come again, as dashes."""


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
            yield line("grid", x(share), TOP, x(share), TOP + ROW * len(rows))
            yield text("soft", x(share), TOP + ROW * len(rows) + 17, _share(share, top), "middle")
        for number, (label, (value, low, high)) in enumerate(rows):
            y = TOP + ROW * number
            yield text("label", LABEL - 12, y + 20, short(label), "end")
            kind = "first" if number == 0 else "bar"
            width = max(x(value) - LABEL, 1)
            yield f'<rect class="{kind}" x="{LABEL}" y="{y + 7}" width="{width:.1f}" height="16" rx="2"/>'
            yield _whisker(x(low), x(high), y + 15)
            yield text(
                "label",
                WIDTH - VALUE + 14,
                y + 20,
                f"{_share(value, top)}  ({_share(low, top)} to {_share(high, top)})",
            )

    return svg(title, TOP + ROW * len(rows) + BOTTOM, parts())


def differences(title: str, rows: Sequence[tuple[str, Interval, bool]]) -> str:
    """A dot with its interval for each difference, left and right of zero; those beyond chance stand out."""
    most = max((max(abs(low), abs(high)) for _, (_, low, high), _ in rows), default=0)
    reach = next((each for each in REACHES if most <= each), most)

    def x(value: float) -> float:
        return LABEL + _PLOT * (value / reach + 1) / 2

    def parts() -> Iterator[str]:
        bottom = TOP + ROW * len(rows)
        for step in (-1.0, -0.5, 0.0, 0.5, 1.0):
            yield line("zero" if step == 0 else "grid", x(step * reach), TOP, x(step * reach), bottom)
            yield text("soft", x(step * reach), bottom + 17, f"{step * reach * 100:+.0f}" if step else "0", "middle")
        for number, (label, (value, low, high), sure) in enumerate(rows):
            y = TOP + ROW * number
            yield text("label", LABEL - 12, y + 20, short(label), "end")
            yield _whisker(x(low), x(high), y + 15)
            yield f'<circle class="{"sure" if sure else "unsure"}" cx="{x(value):.1f}" cy="{y + 15}" r="5.5"/>'
            yield text(
                "label" if sure else "soft",
                WIDTH - VALUE + 14,
                y + 20,
                f"{value * 100:+.1f}  ({low * 100:+.1f} to {high * 100:+.1f})",
            )

    return svg(title, TOP + ROW * len(rows) + BOTTOM, parts())


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
            yield line("grid", left, y(share), right, y(share))
            yield text("soft", left - 8, y(share) + 4, f"{share * 100:.0f} %", "end")
        for step in range(6):
            anchor = "middle" if step < 5 else "end"  # noqa: PLR2004 - the last one
            yield text("soft", x(top * step / 5), y(0) + 18, _time(top * step / 5), anchor)
        for number, (label, seconds) in enumerate(rows):
            points = [(x(second), y((place + 1) / len(seconds))) for place, second in enumerate(seconds)]
            way = f"M{points[0][0]:.1f} {y(0):.1f}" + "".join(
                f"V{at_y:.1f}H{next_x:.1f}" for (_, at_y), (next_x, _) in pairwise(points)
            )
            yield f'<path class="curve {_colour(number)}" d="{way}V{points[-1][1]:.1f}H{right}"/>'
            row_y = y(0) + 44 + 20 * number
            yield f'<path class="curve {_colour(number)}" d="M{left} {row_y - 4}h24"/>'
            yield text(
                "label",
                left + 32,
                row_y,
                f"{label}: half within {_time(quantile(seconds, 0.5))}, 95 % within {_time(quantile(seconds, 0.95))}",
            )

    return svg(title, TOP + CURVE_HEIGHT + 36 + 20 * len(rows), parts())


def _whisker(low: float, high: float, y: float) -> str:
    ends = "".join(line("range", x, y - 4, x, y + 4) for x in (low, high))
    return line("range", low, y, high, y) + ends


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 1 else f"{seconds:.3g} s"


def _share(value: float, top: float) -> str:
    return f"{value * 100:.{1 if top <= 0.2 else 0}f} %"  # noqa: PLR2004 - small shares need a decimal


def _colour(number: int) -> str:
    return f"c{number % COLOURS}" + (" again" if number >= COLOURS else "")
