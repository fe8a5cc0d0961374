"""What is only counted: answers without a suggestion, by their reason, and how often no model had to be asked."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.ledger.later import Later
from beastmode.ledger.quarters import quarter_of, quarters
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.store import Database

PAUSE_S = 2.0

_ADD = """INSERT INTO tallies (quarter, kind, name, model, language, trigger, count) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (quarter, kind, name, model, language, trigger)
        DO UPDATE SET count = tallies.count + excluded.count"""
_READ = """SELECT kind, name, SUM(count) AS count FROM tallies
    WHERE quarter >= ? AND quarter < ? GROUP BY kind, name ORDER BY SUM(count) DESC, name"""

_Key = tuple[int, str, str, str, str, str]

log = logging.getLogger(__name__)


class Tally:
    """Counts in memory, and adds what it counted to the database every two seconds.

    Args:
        database: where to.
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
        self._counts: Counter[_Key] = Counter()
        self._later = Later(self._flush, PAUSE_S, sleep)

    def silent(self, reason: str, model: str, language: str, *, explicit: bool) -> None:
        """An answer was empty; `reason` is one of completion/reasons.py, `model` '' where there was none to ask."""
        self._count("silence", reason, model, language, explicit=explicit)

    def cached(self, *, hit: bool, model: str, language: str, explicit: bool) -> None:
        """The completion cache was asked for a cursor, and had something for it or not."""
        self._count("memory", "hit" if hit else "miss", model, language, explicit=explicit)

    async def aclose(self) -> None:
        """Write what was counted. Before the database is closed."""
        await self._later.aclose()

    def _count(self, kind: str, name: str, model: str, language: str, *, explicit: bool) -> None:
        trigger = "explicit" if explicit else "automatic"
        self._counts[quarter_of(self._clock()), kind, name, model, language, trigger] += 1
        self._later.soon()

    async def _flush(self) -> None:
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._database.write_all([(_ADD, (*key, count)) for key, count in counts.items()])
        except StoreError as error:
            log.warning("Counts could not be written: %s", error)
            self._counts.update(counts)


@dataclass(frozen=True, slots=True)
class Silence:
    """Answers without a suggestion, and how often memory had the answer.

    Attributes:
        reasons: how often each, the most frequent first.
        hits, misses: of the completion cache.
    """

    reasons: dict[str, int] = field(default_factory=dict)
    hits: int = 0
    misses: int = 0

    @property
    def hit_rate(self) -> float | None:
        """Between 0 and 1; None before the first look."""
        looks = self.hits + self.misses
        return self.hits / looks if looks else None


async def silence(database: Database, since: float, until: float) -> Silence:
    """What was counted in a span (Unix time, in whole quarters of an hour)."""
    rows = await database.read(_READ, quarters(since, until))
    memory = {row["name"]: row["count"] for row in rows if row["kind"] == "memory"}
    reasons = {row["name"]: row["count"] for row in rows if row["kind"] == "silence"}
    return Silence(reasons, memory.get("hit", 0), memory.get("miss", 0))
