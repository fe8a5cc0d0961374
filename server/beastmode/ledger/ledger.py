"""Writes tries to the database; an observer of the router. And what is asked of them while the product runs."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import Usage, from_nano, to_nano
from beastmode.ledger.prices import PriceBook, price_id
from beastmode.ledger.rows import HOUR, Baseline, change, record
from beastmode.ledger.totals import FOREVER, Totals, fold

if TYPE_CHECKING:
    import sqlite3
    from decimal import Decimal

    from beastmode.domain.routing import Attempt
    from beastmode.store import Database

BATCH = 200
"""Rows that are compared with the baseline in one transaction, which nobody else can write during."""

_TO_COMPARE = """SELECT * FROM attempts
    WHERE baseline_cost_nano IS NULL AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL
    ORDER BY started_at LIMIT ?"""
_SPENT = """SELECT
    (SELECT COALESCE(SUM({column}), 0) FROM rollups WHERE hour >= :hour)
    + (SELECT COALESCE(SUM({column}), 0) FROM attempts WHERE started_at >= :since AND started_at < :hour)"""


class Ledger:
    """The attempts table and its sums.

    Args:
        database: where they are.
        baseline: the provider model that savings are measured against.
    """

    def __init__(self, database: Database, baseline: str = "") -> None:
        self._database = database
        self._prices = PriceBook(database)
        self._baseline_model = baseline
        self._baseline: Baseline | None = None

    async def observe(self, attempt: Attempt) -> None:
        """Store a finished try; returns after the commit, so a killed process loses none that was acknowledged."""
        baseline = self._baseline
        await self._database.transact(lambda connection: record(connection, attempt, baseline))

    async def accepted(self, request_id: str, at: float) -> None:
        """The user took the answer to this request; `at` is Unix time. Taking it twice changes nothing."""

        def accept(connection: sqlite3.Connection) -> None:
            query = "SELECT * FROM attempts WHERE request_id = ? AND outcome = 'ok' AND accepted_at IS NULL"
            for row in connection.execute(query, (request_id,)).fetchall():
                change(connection, row, accepted_at=at)

        await self._database.transact(accept)

    async def tail(self, count: int, since: float = 0.0, until: float = FOREVER) -> list[sqlite3.Row]:
        """The newest tries that began in a span (Unix time), oldest of them first."""
        query = "SELECT * FROM attempts WHERE started_at >= ? AND started_at < ? ORDER BY started_at DESC LIMIT ?"
        return (await self._database.read(query, (since, until, count)))[::-1]

    async def since(self, moment: float) -> list[sqlite3.Row]:
        """The tries that began after a moment (Unix time) and ended by themselves, oldest first."""
        return await self._database.read(
            "SELECT model, started_at, outcome, total_s, error FROM attempts"
            " WHERE started_at >= ? AND outcome != 'cancelled' ORDER BY started_at",
            (moment,),
        )

    async def spent(self, since: float, *, paid_only: bool = True) -> Decimal:
        """Dollars since a moment (Unix time), exactly, from the rollups.

        `paid_only` leaves out the hours of one's own graphics card, which nobody bills; what has a price by the token
        counts. A try whose price is not known counts nothing.
        """
        query = _SPENT.format(column="tokens_cost_nano" if paid_only else "cost_nano")
        rows = await self._database.read(query, {"since": since, "hour": ceil(since / HOUR) * HOUR})
        return from_nano(int(rows[0][0]))

    async def latencies(self, model: str, task: Task | None, since: float) -> Totals:
        """The answers of a model since a moment: `.total.quantile(0.95)`, `.first_token.quantile(0.5)`, `.total.count`.

        The task None stands for every task. What came from memory did not come from the model, and is counted in
        `["cached"]`.
        """

        def key(_span: int, of: str, what: str, outcome: str) -> bool | None:
            return True if of == model and task in {None, what} and outcome == Outcome.OK else None

        found = await self._database.query(lambda connection: fold(connection, (since, FOREVER), key))
        return found.get(True, Totals())

    async def recall(self) -> None:
        """Take the baseline's price from the table, where it has one; cheap, for the start."""
        price = await self._prices.known(self._baseline_model)
        self._baseline = Baseline(self._baseline_model, price) if price is not None else None

    async def settle(self) -> int:
        """Look the baseline's price up, and compare the rows that were written before it was known.

        Takes a third of a second the first time in the life of a database. Returns how many rows were compared.
        """
        price = await self._prices.find(self._baseline_model)
        if price is None:
            return 0
        baseline = self._baseline = Baseline(self._baseline_model, price)
        done = 0
        while batch := await self._database.transact(lambda connection: _compare(connection, baseline)):
            done += batch
        return done


def _compare(connection: sqlite3.Connection, baseline: Baseline) -> int:
    rows = connection.execute(_TO_COMPARE, (BATCH,)).fetchall()
    number = price_id(connection, baseline.model, baseline.price) if rows else None
    for row in rows:
        usage = Usage(*(row[name] for name in Usage.__slots__))
        cost = baseline.price.cost(usage)
        assert cost is not None, "the query asks for both counts"  # noqa: S101 - for the type checker
        change(connection, row, baseline_cost_nano=to_nano(cost), baseline_price_id=number)
    return len(rows)
