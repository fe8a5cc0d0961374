"""What `beastmode monitor` shows, drawn from the JSON that it also prints; a gateway's may hold anything."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from beastmode.faces.cli.render import table
from beastmode.operations.table import Table as Columns
from beastmode.wire.shapes import mapping, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

BARS = "▁▂▃▄▅▆▇█"
COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
LESS = ("saved", "p50", "cost", "requests", "p95")
"""Columns of the models that a narrow terminal can do without, in this order."""
MOST_ROWS = 12
MOST_LOST = 3


def screen(told: Mapping[str, Any], trouble: str = "", width: int = 100) -> RenderableType:
    """One picture.

    Args:
        told: as `monitoring.to_details` says it.
        trouble: why there is no newer one.
        width: columns of the terminal.
    """
    parts: list[RenderableType] = [Text(quote(trouble), "red")] if trouble else []
    if told:
        parts += [_head(told), Text(), _figures(told), Text(), *_models(told, width), *_errors(told), *_lost(told)]
    return Group(*parts)


def sparkline(values: Sequence[Any]) -> str:
    """A column for each value, the lowest for 0, the highest for the largest; a gap where there is none."""
    numbers = [value if isinstance(value, int | float) and isfinite(value) else None for value in values]
    top = max((number for number in numbers if number is not None), default=0)
    columns = []
    for number in numbers:
        share = 0.0 if number is None or top <= 0 else max(number, 0) / top
        columns.append(" " if number is None else BARS[min(int(share * len(BARS)), len(BARS) - 1)])
    return "".join(columns)


def _head(told: Mapping[str, Any]) -> RenderableType:
    health = mapping(told.get("health"))
    level = _said(health.get("status"))
    edges = _list(told.get("edges"))
    since = f", {_moment(edges[0])} to {_moment(edges[-1])}" if edges else ""
    head = Text("Health: ", "bold").append(level, COLOURS.get(level, "default")).append(since, "dim")
    return Group(head, *(_under(issue) for issue in _list(health.get("issues"))))


def _figures(told: Mapping[str, Any]) -> Table:
    metrics, series = mapping(told.get("metrics")), mapping(told.get("series"))
    requests, performance = mapping(metrics.get("requests")), mapping(metrics.get("performance"))
    costs = mapping(metrics.get("costs"))
    if not requests.get("total"):
        requests, performance = {"total": 0}, {}  # zeros would look like figures
    rows = (
        ("Requests", requests.get("total"), "requests"),
        ("Success rate", requests.get("successRate"), "successPercent"),
        ("Latency p50", performance.get("p50Latency"), "p50Ms"),
        ("Latency p95", performance.get("p95Latency"), "p95Ms"),
        ("Latency p99", performance.get("p99Latency"), "p99Ms"),
        ("Cost", costs.get("customModelCost"), "costDollars"),
        ("On the baseline", costs.get("providerModelCost"), ""),
        ("Saved", _said(costs.get("savings")), ""),
        ("Of the baseline", _said(costs.get("savingsPercent")), ""),
    )
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="bold")
    drawn.add_column(justify="right")
    drawn.add_column(style="cyan", no_wrap=True)
    for name, value, line in rows:
        drawn.add_row(Text(name), Text(_said(value)), Text(sparkline(_list(series.get(line)))))
    return drawn


def _models(told: Mapping[str, Any], width: int) -> Iterator[RenderableType]:
    models = [mapping(each) for each in _list(told.get("models"))]
    if models:
        names = ("id", "requests", "successRate", "p50Latency", "p95Latency", "cost", "savings", "status")
        columns = ("model", "requests", "success", "p50", "p95", "cost", "saved", "now")
        rows = tuple(tuple(_said(each.get(name)) for name in names) for each in models[:MOST_ROWS])
        shown = Columns(columns, rows).fitting(width, LESS)
        yield table(shown.columns, shown.rows)
        if len(models) > MOST_ROWS:
            yield Text(f"and {len(models) - MOST_ROWS} more; --json has all of them", "dim")


def _errors(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    errors = [mapping(each) for each in _list(told.get("recentErrors"))]
    if errors:
        yield Text("\nRecent errors", "bold")
    for error in errors:
        times = error.get("times")
        head = f"{_moment(error.get('lastAt'))}  {_said(error.get('model'))}: {_said(error.get('meaning'))}"
        yield Text(head + (f" ({times} times)" if isinstance(times, int) and times > 1 else ""), "red")
        yield _under(error.get("message"))
        yield _under(error.get("fix"))


def _lost(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    for alert in [mapping(each) for each in _list(told.get("undeliveredAlerts"))][:MOST_LOST]:
        head = f"\n{_moment(alert.get('at'))}  An alert did not reach {_said(alert.get('target'))}: "
        yield Text(head + _said(alert.get("error")), "red")
        yield _under(alert.get("text"))


def _under(value: Any) -> RenderableType:
    return Padding(Text(_said(value)), (0, 0, 0, 2), expand=False)


def _said(value: Any) -> str:
    return "-" if value is None or value == "" else quote(str(value))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value)).astimezone().strftime("%b %d %H:%M:%S")
    except (TypeError, ValueError, OverflowError, OSError):
        return "-"
