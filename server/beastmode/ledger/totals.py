"""The sums of any span of time, from the rollups, whatever the number of rows.

A rollup is about one UTC hour. A span that begins or ends inside an hour (an arbitrary moment; midnight in India or
Newfoundland, half past by UTC) reads that hour's rows instead, so that every span is exact, and the cost depends on
the number of hours and on what happened in two of them. Where the rows of an hour were removed (see retention.py), all
of it counts with the span that has its beginning.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from beastmode.ledger.rows import HOUR, SUMS, hour_of, share_of, times_of
from beastmode.ledger.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from beastmode.store.connection import Connection

Key = TypeVar("Key", bound="Hashable")

_ROLLUPS = f"""SELECT model, task, outcome, "user",
        string_agg(total_s, '') AS total_s, string_agg(first_token_s, '') AS first_token_s,
        {", ".join(f"SUM({name})" for name in SUMS)}
    FROM rollups WHERE hour >= ? AND hour < ? GROUP BY model, task, outcome, "user\""""  # noqa: S608 - our own names
_FIRST_SUM = 6
_REMOVED = """SELECT EXISTS (SELECT 1 FROM rollups WHERE hour = :hour)
    AND NOT EXISTS (SELECT 1 FROM attempts WHERE started_at >= :hour AND started_at < :after)"""
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
    connection: Connection, edges: Sequence[float], key: Callable[[int, str, str, str, str], Key | None]
) -> dict[Key, Totals]:
    """Add up all tries between the first and the last of the edges (Unix time, ascending).

    Args:
        connection: for reading.
        edges: what separates the spans.
        key: what a try is counted under, from the number of its span, its model, its task, its outcome and who
            asked; None leaves it out.
    """
    # The database adds up the numbers, which is fast, and hands the sketches of each group over, one after the other.
    found: dict[Key, Totals] = {}
    for span, (since, until) in enumerate(pairwise(edges)):
        first, last = hour_of(since) + (HOUR if since % HOUR else 0), hour_of(until)
        if until % HOUR and _is_removed(connection, last):
            last += HOUR
        rows: list[tuple[float, float]] = [(since, until)]
        if first < last:
            rows = [(since, first), (last, until)]
            for row in connection.execute(_ROLLUPS, (first, last)):
                name = key(span, row["model"], row["task"], row["outcome"], row["user"])
                if name is not None:
                    totals = found.setdefault(name, Totals())
                    totals.add(row[_FIRST_SUM:])
                    totals.total.merge(row["total_s"])
                    totals.first_token.merge(row["first_token_s"])
        for begins, ends in rows:
            # A whole hour has no rows to be read, and neither has an empty span.
            for row in connection.execute(_ROWS, (begins, ends)) if begins < ends else ():
                name = key(span, row["model"], row["task"], row["outcome"], row["user"])
                if name is not None:
                    totals = found.setdefault(name, Totals())
                    totals.add(share_of(row))
                    total, first_token = times_of(row)
                    totals.total.add(total)
                    totals.first_token.add(first_token)
    return found


def _is_removed(connection: Connection, hour: int) -> bool:
    """Whether only the sums of an hour are left."""
    found = connection.execute(_REMOVED, {"hour": hour, "after": hour + HOUR}).fetchone()
    return found is not None and bool(found[0])
