"""Removes the rows of single tries that are older than the user wants them kept. The sums of their hours stay.

An hour is removed at once or not at all, so that what is left of it is either every row or its sums. Where local days
begin inside of UTC hours (India, Newfoundland), the rows of these hours stay: days and months remain exact.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from beastmode.ledger.days import day_of, start_of
from beastmode.ledger.rows import HOUR, hour_of

if TYPE_CHECKING:
    from datetime import tzinfo

    from beastmode.store import Database
    from beastmode.store.connection import Connection

BATCH = 1000
"""Showings that are removed at once; nobody else can write meanwhile."""

_OLDEST = "SELECT MIN(started_at) FROM attempts WHERE started_at >= ? AND started_at < ?"
_REMOVE = "DELETE FROM attempts WHERE started_at >= ? AND started_at < ?"
_REMOVE_SHOWN = "DELETE FROM feedback WHERE id IN (SELECT id FROM feedback WHERE shown_at < ? LIMIT ?)"


async def remove_old(database: Database, keep_days: int, now: float, zone: tzinfo | None = None) -> int:
    """Remove what is older than so many local days, in small steps, between which others can write.

    Args:
        database: of the ledger.
        keep_days: whole local days before today that are kept.
        now: Unix time.
        zone: None is this machine's.

    Returns:
        How many rows were removed.
    """
    until = hour_of(start_of(day_of(now, zone) - timedelta(days=keep_days), zone))
    removed, begins = 0, 0
    while begins < until:
        step = partial(_remove_hour, since=begins, until=until, zone=zone)
        begins, count = await database.transact(step)
        removed += count
    while count := await database.transact(partial(_remove_shown, until=until)):
        removed += count
    return removed


def _remove_shown(connection: Connection, until: int) -> int:
    return connection.execute(_REMOVE_SHOWN, (until, BATCH)).rowcount


def _remove_hour(connection: Connection, since: int, until: int, zone: tzinfo | None) -> tuple[int, int]:
    """Remove the first hour with rows from `since` on; where to go on, and how many rows it had."""
    oldest = connection.execute(_OLDEST, (since, until)).fetchone()[0]
    if oldest is None:
        return until, 0
    hour = hour_of(oldest)
    day_begins = start_of(day_of(hour + HOUR - 1, zone), zone)
    if hour < day_begins < hour + HOUR:
        return hour + HOUR, 0
    return hour + HOUR, connection.execute(_REMOVE, (hour, hour + HOUR)).rowcount
