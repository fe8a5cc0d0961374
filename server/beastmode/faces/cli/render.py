"""How things look in a terminal: tables, checks, progress, complaints. Colour only where a person reads."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from beastmode.domain.usage import from_nano
from beastmode.operations.status import dollars, milliseconds, percent, savings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from beastmode.ledger.feedback import Acceptance
    from beastmode.ledger.summary import Summary
    from beastmode.ledger.tally import Silence
    from beastmode.operations.model_checks import Check


class Say(Protocol):
    """Shows how far something is; the fraction is between 0 and 1."""

    def __call__(self, message: str, fraction: float | None = None) -> None:
        """Show it."""


WIDE = 200
"""Columns where no terminal says how many it has: a pipe must not cut a table."""


def out() -> Console:
    """Where results go."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDE)


def err() -> Console:
    """Where everything goes that is not a result."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def prose(console: Console, text: str, style: str = "") -> None:
    """Sentences, broken between words where a terminal is narrow; a pipe gets a line for each text."""
    console.print(Text(text, style), soft_wrap=not console.is_terminal)


def complain(text: str, fix: str = "") -> None:
    """An error and what to do about it."""
    line = Text(text, "red")
    err().print(line.append(f"\n  {fix}", "default") if fix else line)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table; None is shown as -."""
    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    return drawn


def checks(done: Iterable[Check]) -> None:
    """One line a check, with the fix under one that failed."""
    for check in done:
        mark = Text("✓ ", "green") if check.ok else Text("✗ ", "red")
        out().print(mark.append(f"{check.name}: ", "bold").append(check.evidence, "default"))
        if check.fix and not check.ok:
            out().print(Text(f"  {check.fix}"))


def attempts(rows: Iterable[Mapping[str, object]]) -> Table:
    """The ledger's rows."""
    columns = ("time", "task", "model", "outcome", "first token", "total", "in", "out", "cost", "note")
    return table(columns, (_attempt(row) for row in rows))


def _attempt(row: Mapping[str, object]) -> tuple[object, ...]:
    first, cost = row["first_token_s"], row["cost_nano"]
    return (
        datetime.fromtimestamp(float(str(row["started_at"]))).astimezone().strftime("%b %d %H:%M:%S"),
        row["task"],
        row["model"],
        row["outcome"],
        milliseconds(float(str(first))) if first is not None else None,
        milliseconds(float(str(row["total_s"]))),
        row["input_tokens"],
        row["output_tokens"],
        dollars(from_nano(int(str(cost)))) if cost is not None else None,
        "; ".join(_notes(row)),
    )


def _notes(row: Mapping[str, object]) -> Iterator[str]:
    if row["estimated"]:
        yield "estimated"
    if row["cached"]:
        yield "from memory"
    if row["masked"]:
        yield f"{row['masked']} secrets masked"
    if row["error"]:
        yield str(row["error"])


def sums(by: str, parts: Iterable[tuple[str, Summary]]) -> Table:
    """Summaries of the ledger, the last of them the total."""
    columns = (by, "requests", "success", "cancelled", "p50", "p95", "in", "out", "cost", "baseline", "savings")
    return table(columns, (_sum(name, part) for name, part in parts))


def _sum(name: str, part: Summary) -> tuple[object, ...]:
    return (
        name,
        part.requests,
        percent(part.success_rate),
        part.cancelled,
        milliseconds(part.p50_s),
        milliseconds(part.p95_s),
        part.input_tokens,
        part.output_tokens,
        dollars(part.cost) or "unknown",
        dollars(part.baseline_cost) or "unknown",
        savings(part) or "unknown",
    )


def acceptances(by: str, parts: Iterable[tuple[str, Acceptance]]) -> Table:
    """What became of suggestions, the last of them the total."""
    columns = (by, "shown", "used", "accepted", "partly", "typed", "rejected", "ignored", "after 30 s", "after 5 min")
    return table(columns, (_acceptance(name, part) for name, part in parts))


def _acceptance(name: str, part: Acceptance) -> tuple[object, ...]:
    counts = (part.accepted, part.partial, part.typed, part.rejected, part.ignored)
    return name, part.shown, percent(part.rate), *counts, percent(part.kept_30s), percent(part.kept_5min)


def silences(counted: Silence) -> Table:
    """Why there was no suggestion, and what memory knew."""
    rows: list[tuple[object, ...]] = list(counted.reasons.items())
    rows += [("(from memory)", counted.hits), ("(not in memory)", counted.misses)]
    rows += [("(memory's share)", percent(counted.hit_rate))]
    return table(("no suggestion because", "times"), rows)


@contextmanager
def bar(title: str) -> Iterator[Say]:
    """A progress bar on standard error; silent where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err(), transient=True, disable=not err().is_terminal) as bars:
        task = bars.add_task(title, total=None)

        def show(message: str, fraction: float | None = None) -> None:
            bars.update(task, description=message, total=None if fraction is None else 1.0, completed=fraction or 0.0)

        yield show
