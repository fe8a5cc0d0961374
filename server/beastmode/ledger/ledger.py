"""Writes tries to the database; an observer of the router."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from beastmode.domain.usage import to_nano

if TYPE_CHECKING:
    import sqlite3

    from beastmode.domain.routing import Attempt
    from beastmode.store import Database


class Ledger:
    """The attempts table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def observe(self, attempt: Attempt) -> None:
        """Store a finished try; returns after the commit, so a killed process loses none that was acknowledged."""
        row = row_of(attempt)
        marks = ", ".join("?" * len(row))
        await self._database.write(f"INSERT INTO attempts ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - the names are our own fields

    async def accepted(self, request_id: str, at: float) -> None:
        """The user took the text that this request gave; `at` is Unix time."""
        await self._database.write("UPDATE attempts SET accepted_at = ? WHERE request_id = ?", (at, request_id))

    async def tail(self, count: int, since: float = 0.0) -> list[sqlite3.Row]:
        """The newest tries that began after a moment (Unix time), oldest of them first."""
        query = "SELECT * FROM attempts WHERE started_at >= ? ORDER BY started_at DESC LIMIT ?"
        return (await self._database.read(query, (since, count)))[::-1]

    async def since(self, moment: float) -> list[sqlite3.Row]:
        """The tries that began after a moment (Unix time) and ended by themselves, oldest first."""
        return await self._database.read(
            "SELECT model, started_at, outcome, total_s, error FROM attempts"
            " WHERE started_at >= ? AND outcome != 'cancelled' ORDER BY started_at",
            (moment,),
        )


def row_of(attempt: Attempt) -> dict[str, object]:
    """The columns of a try: its fields, tokens flattened, money in nano-dollars."""
    row: dict[str, object] = {name: getattr(attempt, name) for name in attempt.__slots__}
    for name in ("usage", "cost", "price", "baseline_cost", "queue_s", "cached", "masked"):
        del row[name]
    row.update(asdict(attempt.usage))
    row["cost_nano"] = None if attempt.cost is None else to_nano(attempt.cost)
    return row
