"""What every drawing of ours is made of: SVG that needs nothing else, in colours for light and for dark.

A page that shows a drawing brings STYLE and the colours; a file of its own is made by `standalone`. Pure; every text
that comes from elsewhere is escaped here.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 880
LONGEST_LABEL = 40
DOT = 2.5
"""Pixels from the middle of a dot to its edge."""

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
svg rect.c0, svg circle.c0 { fill: var(--first); stroke: none; }
svg rect.c1, svg circle.c1 { fill: #c2571a; stroke: none; }
svg .c3 { stroke: #8a5cc2; } svg .c4 { stroke: #b58900; } svg .c5 { stroke: #c23a6b; }
"""
LIGHT = "--ink:#1d2430;--soft:#667085;--line:#e3e7ee;--track:#eef1f6;--bar:#9db4d6;--first:#2b6cd4;--paper:#fff"
DARK = "--ink:#e6e9ef;--soft:#98a2b3;--line:#333a47;--track:#262c37;--bar:#4a638c;--first:#6ea8fe;--paper:#161a21"


class Line(NamedTuple):
    """A straight line; the kind is a class of STYLE, here and below."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


class Box(NamedTuple):
    """A filled rectangle; x and y of its upper left corner."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Dot(NamedTuple):
    """A small filled circle."""

    kind: str
    x: float
    y: float


class Way(NamedTuple):
    """A line through points."""

    kind: str
    points: tuple[tuple[float, float], ...]


class Words(NamedTuple):
    """Text; `anchor` is start, middle or end."""

    kind: str
    x: float
    y: float
    text: str
    anchor: str = "start"


Mark = Line | Box | Dot | Way | Words


class Drawing(NamedTuple):
    """What can be drawn as SVG (`drawn`) and elsewhere; as wide as WIDTH, y downwards, both in pixels."""

    title: str
    height: int
    marks: tuple[Mark, ...]


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


def drawn(drawing: Drawing) -> str:
    """A drawing of marks, as SVG."""
    return svg(drawing.title, drawing.height, map(_mark, drawing.marks))


def _mark(mark: Mark) -> str:
    match mark:
        case Line():
            return line(*mark)
        case Words():
            return text(*mark)
        case Box(kind, x, y, width, height):
            return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        case Dot(kind, x, y):
            return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{DOT}"/>'
        case Way(kind, points):
            return f'<path class="curve {kind}" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def svg(title: str, height: int, parts: Iterable[str]) -> str:
    """One drawing: its title, and what `text`, `line` and others made."""
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return f"{head}{text('title', 0, 20, title)}{''.join(parts)}</svg>"


def text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    """Words at a place; the kind is a class of STYLE."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def short(label: str) -> str:
    """A label as far as there is room for it."""
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
