"""Writes tries to the database; an observer of the router. And what is asked of them while the product runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import time
from typing import TYPE_CHECKING

from beastmode.domain.routing import Outcome
from beastmode.domain.usage import from_nano
from beastmode.ledger.backfill import compare, fill_costs
from beastmode.ledger.days import FOREVER
from beastmode.ledger.export import pages
from beastmode.ledger.feedback import acceptance
from beastmode.ledger.holds import Holds, drop
from beastmode.ledger.overview import failures, overview, refused_keys
from beastmode.ledger.prices import PriceBook, price_id
from beastmode.ledger.pulse import pulse
from beastmode.ledger.report import report
from beastmode.ledger.retention import remove_old
from beastmode.ledger.routed import routed
from beastmode.ledger.rows import Baseline, record
from beastmode.ledger.series import series
from beastmode.ledger.spent import spent_since
from beastmode.ledger.summary import summarize
from beastmode.ledger.tally import silence
from beastmode.ledger.totals import Totals, fold

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence
    from decimal import Decimal

    from beastmode.domain.request import Task
    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.ledger.feedback import AcceptanceBy, AcceptanceReport
    from beastmode.ledger.overview import Failure, Overview
    from beastmode.ledger.report import By, Report
    from beastmode.ledger.routed import Routed
    from beastmode.ledger.series import Series
    from beastmode.ledger.summary import Summary
    from beastmode.ledger.tally import Silence
    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row

_NEWEST = """SELECT * FROM attempts WHERE started_at >= ? AND started_at < ?
    ORDER BY started_at DESC, rowid DESC LIMIT ?"""


class Ledger:
    """The attempts table and its sums.

    Args:
        database: where they are.
        prices: where the price of a provider's model is found, if the router did not give it.
        baseline: the provider model that savings are measured against.

    Attributes:
        holds: what requests under way could cost.
    """

    def __init__(self, database: Database, prices: PriceBook | None = None, baseline: str = "") -> None:
        self.holds = Holds(database, time)
        self._database = database
        self._prices = PriceBook(database) if prices is None else prices
        self._baseline_model = baseline
        self._baseline: Baseline | None = None
        self._price_ids: dict[tuple[str, Price | None], int | None] = {}

    async def observe(self, attempt: Attempt) -> None:
        """Store a finished try; returns after the commit, so a killed process loses none that was acknowledged."""
        missing = attempt.price is None and attempt.cost is None and _is_provided(attempt.model)
        price = self._prices.remembered(attempt.model) if missing else None
        if price is not None:
            attempt = replace(attempt, price=price, cost=price.cost(attempt.usage, attempt.total_s))
        baseline = self._baseline
        # Nothing is awaited before the row is on its way: a caller that is cancelled twice would lose it.
        priced = (attempt.model, attempt.price)
        number = self._price_ids.get(priced)
        is_held = self.holds.holds(attempt.id)

        def work(connection: Connection) -> int | None:
            if is_held:
                drop(connection, attempt.id)
            return record(connection, attempt, baseline, number)

        self._price_ids[priced] = await self._database.transact(work)
        self.holds.settled(attempt.id)
        if missing and attempt.connect_s is not None and not self._prices.was_asked(attempt.model):
            await self._fill_costs(attempt.model)

    async def tail(self, count: int, since: float = 0.0, until: float = FOREVER) -> list[Row]:
        """The newest tries that began in a span (Unix time), oldest of them first."""
        return (await self._database.read(_NEWEST, (since, until, count)))[::-1]

    async def since(self, moment: float) -> list[Row]:
        """The tries that began after a moment (Unix time) and ended by themselves, oldest first."""
        return await self._database.read(
            "SELECT model, started_at, outcome, total_s, error FROM attempts"
            " WHERE started_at >= ? AND outcome != 'cancelled' AND cached = 0 AND task != 'probe' ORDER BY started_at",
            (moment,),
        )

    async def error_counts(self, since: float) -> list[dict[str, object]]:
        """How often what failed since a moment (Unix time), by kind of provider, task and kind of error."""
        rows = await self._database.read(
            "SELECT provider, task, error_kind, COUNT(*) AS times FROM attempts"
            " WHERE started_at >= ? AND error_kind IS NOT NULL GROUP BY provider, task, error_kind ORDER BY 4 DESC",
            (since,),
        )
        return [dict(row) for row in rows]

    async def summary(self, since: float, until: float = FOREVER) -> Summary:
        """What a span (Unix time) adds up to, tests of a model left out."""
        return await summarize(self._database, since, until)

    async def report(self, since: float, until: float, by: By) -> Report:
        """Sums by model, task, local day or local month of a span (Unix time), tests of a model included."""
        return await report(self._database, since, until, by)

    async def overview(self, edges: Sequence[float], user: str | None = None) -> Overview:
        """A time in spans, by model and all together, tests of a model left out; see `overview.spans`."""
        return await overview(self._database, edges, user)

    async def series(self, edges: Sequence[float], user: str | None = None) -> Series:
        """Figures of each step between the edges (Unix time) and of each model; see `steps.cut`."""
        return await series(self._database, edges, user)

    async def failures(
        self,
        since: float,
        until: float,
        most: int,
        *,
        models: Collection[str] | None = None,
        user: str | None = None,
    ) -> list[Failure]:
        """What failed in a span (Unix time), newest first, the same error of a model once; tests of one left out.

        None: every model, or every user.
        """
        return await failures(self._database, since, until, most, models=models, user=user)

    async def routed(
        self, since: float, until: float, models: Collection[str] | None = None, user: str | None = None
    ) -> list[Routed]:
        """Where requests of a span (Unix time) went and why, and how they failed, the most frequent first."""
        return await routed(self._database, since, until, models, user)

    async def pulse(self, now: float) -> tuple[object, ...]:
        """Numbers that change with whatever happens; now is Unix time."""
        return await pulse(self._database, now)

    async def refused_keys(self, since: float) -> dict[str, bool]:
        """Of each model that ever refused its key since a moment (Unix time), whether it did so the last time."""
        return await refused_keys(self._database, since)

    async def acceptance(self, since: float, until: float, by: AcceptanceBy) -> AcceptanceReport:
        """What became of the suggestions that were shown in a span (Unix time, in whole quarters of an hour)."""
        return await acceptance(self._database, since, until, by)

    async def silence(self, since: float, until: float) -> Silence:
        """Why there was no suggestion, and what memory knew, in a span (Unix time, in whole quarters of an hour)."""
        return await silence(self._database, since, until)

    def pages(self, since: float, until: float) -> AsyncGenerator[list[dict[str, object]]]:
        """All tries that began in a span (Unix time), oldest first, page by page, with the prices they used."""
        return pages(self._database, since, until)

    async def spent(self, since: float, user: str | None = None, *, paid_only: bool = True) -> Decimal:
        """Dollars since a moment (Unix time), exactly, from the rollups; of everybody, or of one user ('': the owner).

        `paid_only` leaves out the hours of one's own graphics card, which nobody bills; what has a price by the token
        counts. A try whose price is not known counts nothing.
        """
        find = partial(spent_since, since=since, user=user, paid_only=paid_only)
        return from_nano(await self._database.query(find))

    async def latencies(self, model: str, task: Task | None, since: float) -> Totals:
        """The answers of a model since a moment: `.total.quantile(0.95)`, `.first_token.quantile(0.5)`, `.total.count`.

        The task None stands for every task. What came from memory did not come from the model, and is counted in
        `["cached"]`.
        """

        def key(_span: int, of: str, what: str, outcome: str, _user: str) -> bool | None:
            return True if of == model and task in {None, what} and outcome == Outcome.OK else None

        found = await self._database.query(lambda connection: fold(connection, (since, FOREVER), key))
        return found.get(True, Totals())

    async def recall(self) -> None:
        """Take the baseline's price from the table, where it has one; cheap, for the start."""
        await self._take(await self._prices.known(self._baseline_model))

    async def settle(self) -> None:
        """Look up the prices that are missing, and fill in the rows that were written before they were known.

        Takes a third of a second the first time in the life of a database.
        """
        await self._take(await self._prices.find(self._baseline_model))
        baseline = self._baseline
        if baseline is not None:
            while await self._database.transact(lambda connection: compare(connection, baseline)):
                pass
        for row in await self._database.read("SELECT DISTINCT model FROM rollups WHERE unpriced > 0"):
            if _is_provided(row["model"]):
                await self._fill_costs(row["model"])

    async def remove_old(self, keep_days: int, now: float) -> int:
        """Remove the rows of single tries and showings from before so many days; their sums stay. Returns how many."""
        return await remove_old(self._database, keep_days, now)

    async def _take(self, price: Price | None) -> None:
        if price is not None and (self._baseline is None or self._baseline.price != price):
            model = self._baseline_model
            number = await self._database.transact(lambda connection: price_id(connection, model, price))
            self._baseline = Baseline(model, price, number)

    async def _fill_costs(self, model: str) -> None:
        price = await self._prices.find(model)
        if price is not None:
            while await self._database.transact(lambda connection: fill_costs(connection, model, price)):
                pass


def _is_provided(model: str) -> bool:
    """Whether a model's price is public; that of the user's own stands in its row, or is not known."""
    return not model.startswith("custom:")
