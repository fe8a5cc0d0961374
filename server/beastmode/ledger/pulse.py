"""Whether something has happened: a few numbers that change with every try, every suggestion and every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.ledger.rows import HOUR, hour_of

if TYPE_CHECKING:
    from beastmode.store import Database

_BACK_S = 24 * HOUR
"""A try is counted in the hour in which it began, and none takes a day."""
_READ = """SELECT
    (SELECT generation FROM registry_generation),
    (SELECT SUM(attempts) FROM rollups WHERE hour >= :hour),
    (SELECT SUM(accepted) FROM rollups WHERE hour >= :hour),
    (SELECT SUM(shown) FROM feedback_sums WHERE quarter >= :hour)"""


async def pulse(database: Database, now: float) -> tuple[object, ...]:
    """Numbers that are the same as those of a moment ago only where nothing has happened since; now is Unix time."""
    rows = await database.read(_READ, {"hour": hour_of(now) - _BACK_S})
    return tuple(rows[0])
