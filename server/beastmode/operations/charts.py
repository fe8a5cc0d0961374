"""Charts that several reports draw: columns over time, bars side by side, lines and dots over an axis. Pure."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from beastmode.operations.svg import WIDTH, Box, Dot, Drawing, Line, Way, Words, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from beastmode.operations.svg import Mark

Tell = Callable[[float], str]
"""How an axis says a number."""

TOP, LEFT, RIGHT = 38, 74, 20
"""Free above the plot for the title, left of it for the numbers of the axis, and right of it, in pixels."""
HEIGHT = 200
"""Of the plot."""
BELOW = 26
LEGEND = 20
LABEL, VALUE, ROW = 250, 120, 30
"""What a bar keeps free for its label and its value, and its height."""
STEPS = 4
CHARACTER = 8
"""Pixels that a letter takes, about."""


def nice(most: float) -> float:
    """The end of an axis: a round number, not below `most`; 1 where there is nothing."""
    if most <= 0:
        return 1.0
    size = 10.0 ** floor(log10(most))
    return next(step * size for step in (1, 2, 2.5, 4, 5, 8, 10) if step * size >= most * (1 - 1e-9))


def bars(title: str, rows: Sequence[tuple[str, Decimal | float, str]]) -> Drawing:
    """A bar for each row, with its label on the left and its value as text on the right; the first one stands out."""
    plot = WIDTH - LABEL - VALUE
    most = max((float(value) for _, value, _ in rows), default=0.0) or 1.0

    def marks() -> Iterator[Mark]:
        for number, (label, value, told) in enumerate(rows):
            y = TOP + ROW * number
            width = max(plot * float(value) / most, 1.0)
            yield Words("label", LABEL - 12, y + 16, short(label), "end")
            yield Box("first" if number == 0 else "bar", LABEL, y + 3, width, 18)
            yield Words("label", LABEL + width + 10, y + 16, told)

    return Drawing(title, TOP + ROW * len(rows), tuple(marks()))


def columns(title: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], tell: Tell) -> Drawing:
    """A column for each label, in which the series stand upon each other; those without anything are left out.

    Args:
        title: above the drawing.
        labels: below the columns.
        series: names, and a number of 0 or more for every label.
        tell: how the axis says a number.
    """
    shown = [(name, values) for name, values in series if any(values)] or list(series[:1])
    top = nice(max((sum(values) for values in zip(*(values for _, values in shown), strict=True)), default=0.0))
    step = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    every = ceil(max((len(label) for label in labels), default=1) * CHARACTER / step)

    def marks() -> Iterator[Mark]:
        yield from _scale(top, tell)
        for place, label in enumerate(labels):
            base = float(TOP + HEIGHT)
            for number, (_, values) in enumerate(shown):
                height = HEIGHT * values[place] / top
                base -= height
                if height:
                    yield Box(f"c{number}", LEFT + step * (place + 0.12), base, step * 0.76, height)
            if place % every == 0:
                yield Words("soft", LEFT + step * (place + 0.5), TOP + HEIGHT + 17, label, "middle")
        yield from _legend([name for name, _ in shown] if len(series) > 1 else [])

    return Drawing(title, TOP + HEIGHT + BELOW + (LEGEND if len(series) > 1 else 0), tuple(marks()))


def curves(
    title: str,
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    tell_x: Tell,
    tell_y: Tell,
    *,
    dots: bool = False,
    ticks: Sequence[float] = (),
) -> Drawing:
    """A line through the points of each series, or only the points, over two axes that begin at 0.

    Args:
        title: above the drawing.
        series: names and points.
        tell_x: how the axis below says a number.
        tell_y: how the axis on the left does.
        dots: points without lines.
        ticks: where the axis below has its numbers; else at equal distances.
    """
    points = [point for _, each in series for point in each]
    right = max(nice(max((x for x, _ in points), default=0.0)) if not ticks else max(ticks), 1e-12)
    top = nice(max((y for _, y in points), default=0.0))
    width = WIDTH - LEFT - RIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + width * x / right, TOP + HEIGHT * (1 - y / top)

    def marks() -> Iterator[Mark]:
        yield from _scale(top, tell_y)
        for x in ticks or [right * step / STEPS for step in range(STEPS + 1)]:
            anchor = "middle" if x < right else "end"
            yield Words("soft", at(x, 0)[0], TOP + HEIGHT + 17, tell_x(x), anchor)
        for number, (_, each) in enumerate(series):
            placed = [at(x, y) for x, y in each]
            if len(placed) > 1 and not dots:
                yield Way(f"c{number}", tuple(placed))
            if dots or ticks or len(placed) == 1:
                yield from (Dot(f"c{number}", x, y) for x, y in placed)
        yield from _legend([name for name, _ in series] if len(series) > 1 else [])

    return Drawing(title, TOP + HEIGHT + BELOW + (LEGEND if len(series) > 1 else 0), tuple(marks()))


def _scale(top: float, tell: Tell) -> Iterator[Mark]:
    for step in range(STEPS + 1):
        y = TOP + HEIGHT * (1 - step / STEPS)
        yield Line("grid", LEFT, y, WIDTH - RIGHT, y)
        yield Words("soft", LEFT - 8, y + 4, tell(top * step / STEPS), "end")


def _legend(names: Sequence[str]) -> Iterator[Mark]:
    x, y = float(LEFT), TOP + HEIGHT + BELOW + 10
    for number, name in enumerate(names):
        yield Box(f"c{number}", x, y - 9, 10, 10)
        yield Words("label", x + 16, y, name)
        x += 16 + CHARACTER * len(name) + 20
