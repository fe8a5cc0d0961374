"""The sums of any span of time, from the rollups, whatever the number of rows.

A rollup is about one UTC hour. A span that begins or ends inside an hour (an arbitrary moment; midnight in India or
Newfoundland, half past by UTC) reads that hour's rows instead, so that every span is exact, and the cost depends on
the number of hours and on what happened in two of them.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, TypeVar

from beastmode.ledger.rows import HOUR, SUMS, hour_of, share_of, times_of
from beastmode.ledger.sketch import Sketch

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Hashable, Sequence

Key = TypeVar("Key", bound="Hashable")

_ROLLUPS = f"""SELECT hour, model, task, outcome, total_s, first_token_s, {", ".join(SUMS)}
    FROM rollups WHERE hour >= ? AND hour < ?"""  # noqa: S608 - our own names
_FIRST_SUM = 6
_ROWS = "SELECT * FROM attempts WHERE started_at >= ? AND started_at < ?"


class Totals:
    """Tries added up.

    Attributes:
        sums: a number for each of SUMS.
        total: how long they took.
        first_token: how long it was to the first text of those that had one.
    """

    __slots__ = ("first_token", "sums", "total")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.total = Sketch()
        self.first_token = Sketch()

    def __getitem__(self, name: str) -> int:
        return self.sums[SUMS.index(name)]

    def absorb(self, other: Totals) -> None:
        """Add what another one holds."""
        self.add(other.sums)
        self.total.absorb(other.total)
        self.first_token.absorb(other.first_token)

    def add(self, share: Sequence[int]) -> None:
        """Add a number to each of the sums."""
        self.sums = [have + more for have, more in zip(self.sums, share, strict=True)]


def fold(
    connection: sqlite3.Connection, edges: Sequence[float], key: Callable[[int, str, str, str], Key | None]
) -> dict[Key, Totals]:
    """Add up all tries between the first and the last of the edges (Unix time, ascending).

    Args:
        connection: for reading.
        edges: what separates the spans.
        key: what a try is counted under, from the number of its span, its model, its task and its outcome; None leaves
            it out.
    """
    found: dict[Key, Totals] = {}
    since, until = edges[0], edges[-1]
    cut = {hour_of(edge) for edge in edges if edge % HOUR}

    def under(moment: float, row: sqlite3.Row) -> Totals | None:
        name = key(bisect_right(edges, moment) - 1, row["model"], row["task"], row["outcome"])
        return None if name is None else found.setdefault(name, Totals())

    for row in connection.execute(_ROLLUPS, (hour_of(since), until)):
        if row["hour"] not in cut and (totals := under(row["hour"], row)) is not None:
            totals.add(row[_FIRST_SUM:])
            totals.total.merge(row["total_s"])
            totals.first_token.merge(row["first_token_s"])
    for hour in sorted(cut):
        for row in connection.execute(_ROWS, (max(hour, since), min(hour + HOUR, until))):
            if (totals := under(row["started_at"], row)) is not None:
                totals.add(share_of(row))
                total, first_token = times_of(row)
                totals.total.add(total)
                totals.first_token.add(first_token)
    return found
