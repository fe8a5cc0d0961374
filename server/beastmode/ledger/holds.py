"""What requests under way could cost, held back in the database: before the call, until its row is in the ledger.

Every process that shares the database sees what the others hold, so together they cannot pass a cap. A hold carries all
that is known of its try. Where its process ends without a word, the hold runs out, and whoever notices makes a row of
the ledger of it, at the most that the try can have cost: money that was perhaps spent is never forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import from_nano, to_nano
from beastmode.ledger.rows import forget, record
from beastmode.ledger.spent import spent_since
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row

LEASE_S = 30.0
"""Seconds after which the hold of a process that says nothing more has run out."""
RENEWAL_S = 5.0
LOST = "lost"
"""The `error_kind` of a try whose process ended before it did."""

_COLUMNS = ("id", "request_id", "task", "model", "provider", "origin", "reason", "started_at")
_PUT = f"""INSERT INTO holds ({", ".join(_COLUMNS)}, "user", worst_nano, holder, expires_at)
    VALUES ({", ".join("?" * len(_COLUMNS))}, ?, ?, ?, ?)"""  # noqa: S608 - our own names
_HELD = "SELECT COALESCE(SUM(worst_nano), 0) FROM holds"
_OF_USER = ' WHERE "user" = ?'
_EXPIRED = "SELECT * FROM holds WHERE expires_at < ?"
_DROP = "DELETE FROM holds WHERE id = ?"
_RENEW = "UPDATE holds SET expires_at = ? WHERE holder = ?"
_LOST_ROW = f"SELECT * FROM attempts WHERE id = ? AND error_kind = '{LOST}'"  # noqa: S608 - our own word

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cap:
    """Dollars that may be spent since a moment (Unix time): by one user, or by everybody (None)."""

    amount: Decimal
    since: float
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """A cap that a try could pass, what is spent of it, and what requests under way may cost."""

    cap: Cap
    spent: Decimal
    held: Decimal


class Holds:
    """The holds of this process, among those of all.

    Args:
        database: where they are.
        clock: Unix seconds.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sleep = sleep
        self._holder = uuid4().hex
        self._open: set[str] = set()
        self._renewal: asyncio.Task[None] | None = None
        self._releases: set[asyncio.Future[None]] = set()

    async def take(self, attempt: Attempt, caps: Sequence[Cap] = ()) -> Full | None:
        """Hold back the cost of a try that is about to be made, unless that could pass a cap: then the cap.

        Raises:
            StoreError: nothing is held.
        """
        worst = attempt.cost or Decimal(0)
        values = (*(getattr(attempt, name) for name in _COLUMNS), attempt.user, to_nano(worst), self._holder)

        def work(connection: Connection) -> Full | None:
            now = self._clock()
            _settle(connection, now)
            for cap in caps:
                spent = from_nano(spent_since(connection, cap.since, cap.user))
                held = from_nano(_held(connection, cap.user))
                if spent + held + worst > cap.amount:
                    return Full(cap, spent, held)
            connection.execute(_PUT, (*values, now + LEASE_S))
            return None

        self._open.add(attempt.id)
        try:
            full = await self._database.transact(work)
        except asyncio.CancelledError:
            self.release(attempt.id)  # it is in the queue, and this comes behind it
            raise
        except StoreError:
            self._open.discard(attempt.id)
            raise
        if full is not None:
            self._open.discard(attempt.id)
        elif self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        return full

    def holds(self, attempt_id: str) -> bool:
        """Whether a try is under a hold of this process; asked without waiting, when its row is written."""
        return attempt_id in self._open

    def settled(self, attempt_id: str) -> None:
        """The row of a try is in the ledger, and its hold is gone with it."""
        self._open.discard(attempt_id)

    def release(self, attempt_id: str) -> None:
        """Nothing came of a try; does nothing where its row has been written. Never waits."""
        if attempt_id in self._open:
            self._open.discard(attempt_id)
            with suppress(StoreError):  # closed; it runs out by itself
                release = self._database.queue(_DROP, (attempt_id,))
                self._releases.add(release)
                release.add_done_callback(self._released)

    async def sweep(self) -> int:
        """Make rows of the holds that have run out; how many there were."""
        if not await self._database.read("SELECT 1 FROM holds WHERE expires_at < ? LIMIT 1", (self._clock(),)):
            return 0
        return await self._database.transact(lambda connection: _settle(connection, self._clock()))

    async def aclose(self) -> None:
        """Write what waits. Before the database is closed."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        await asyncio.gather(*self._releases, return_exceptions=True)

    async def _renew(self) -> None:
        while self._open:
            await self._sleep(RENEWAL_S)
            try:
                await self._database.write(_RENEW, (self._clock() + LEASE_S, self._holder))
            except StoreError as error:
                log.warning("What is held back could not be renewed: %s", error)

    def _released(self, release: asyncio.Future[None]) -> None:
        self._releases.discard(release)
        if not release.cancelled() and (error := release.exception()) is not None:
            log.warning("What was held back could not be given back, and runs out: %s", error)


def drop(connection: Connection, attempt_id: str) -> None:
    """Take a hold away in the transaction that writes the row of its try; and the row that stood in for it."""
    if connection.execute(_DROP, (attempt_id,)).rowcount:
        return
    taken_for_lost = connection.execute(_LOST_ROW, (attempt_id,)).fetchone()
    if taken_for_lost is not None:
        forget(connection, taken_for_lost)


def _held(connection: Connection, user: str | None) -> int:
    found = connection.execute(_HELD) if user is None else connection.execute(_HELD + _OF_USER, (user,))
    return int(found.fetchone()[0])


def _settle(connection: Connection, now: float) -> int:
    expired = connection.execute(_EXPIRED, (now,)).fetchall()
    for hold in expired:
        record(connection, _lost(hold), None)
        connection.execute(_DROP, (hold["id"],))
    return len(expired)


def _lost(hold: Row) -> Attempt:
    return Attempt(
        **{name: hold[name] for name in _COLUMNS if name != "task"},
        task=Task(hold["task"]),
        outcome=Outcome.FAILED,
        total_s=0.0,
        connect_s=0.0,
        error_kind=LOST,
        error="The program that asked this ended before the answer did; the cost is the most that it can have been",
        estimated=True,
        cost=from_nano(hold["worst_nano"]),
        user=hold["user"],
    )
