"""What the gateways of a team tell each other through their database, once a second.

Which models rest, so that a broken endpoint is found out once and not by every replica; and how many requests each user
with a rate limit has made, so that the limit is one for all of them, but for what is asked within that second. Nothing
here is waited for by a request.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.router.shared import State
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beastmode.router.shared import SharedBreakers
    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row

_TELL = """INSERT INTO breakers (model, failures, pauses, open_until, probe_until, why, teller, changed_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model) DO UPDATE SET failures = excluded.failures,
        pauses = excluded.pauses, open_until = excluded.open_until, probe_until = excluded.probe_until,
        why = excluded.why, teller = excluded.teller, changed_at = excluded.changed_at"""
_HEAL = "DELETE FROM breakers WHERE model = ?"
_BREAKERS = "SELECT * FROM breakers"
_COUNT = """INSERT INTO asked ("user", requests) VALUES (?, ?)
    ON CONFLICT ("user") DO UPDATE SET requests = asked.requests + excluded.requests"""
_ASKED = 'SELECT "user", requests FROM asked'


class Replicas:
    """This gateway among those that share its database.

    Args:
        database: shared.
        breakers: of this gateway's router.
        clock: Unix seconds; the machines' clocks agree to about a second.

    Attributes:
        on_others: told of a user, and of how many requests they have made elsewhere since it was told the last time.
    """

    def __init__(self, database: Database, breakers: SharedBreakers, clock: Callable[[], float]) -> None:
        self._database = database
        self._breakers = breakers
        self._clock = clock
        self._name = uuid4().hex
        self._news: dict[str, State | None] = {}
        self._seen: dict[str, float] = {}
        self._asked: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._totals: dict[str, int] | None = None
        self.on_others: Callable[[str, int], None] = lambda _user, _requests: None
        breakers.listeners.append(self._hear)

    def asked(self, user: str) -> None:
        """A user with a rate limit has made a request here."""
        self._asked[user] += 1

    async def exchange(self) -> None:
        """Tell what is new here, and take over what is new elsewhere.

        Raises:
            StoreError: the database is gone; what was to be told is told the next time.
        """
        news, self._news = self._news, {}
        asked, self._asked = self._asked, Counter()
        now = self._clock()

        def tell(connection: Connection) -> None:
            for model, state in news.items():
                connection.execute(*self._statement(model, state, now))
            for user, requests in asked.items():
                connection.execute(_COUNT, (user, requests))

        try:
            if news or asked:
                await self._database.transact(tell)
        except StoreError:
            self._news = news | self._news
            self._asked += asked
            raise
        self._counted += asked
        self._seen |= dict.fromkeys((model for model, state in news.items() if state is not None), now)
        self._take(await self._database.read(_BREAKERS), now)
        self._add_up({row["user"]: row["requests"] for row in await self._database.read(_ASKED)})

    def _hear(self, model: str, state: State | None, source: object) -> None:
        if source is not self:
            self._news[model] = state

    def _statement(self, model: str, state: State | None, now: float) -> tuple[str, Sequence[object]]:
        if state is None:
            return _HEAL, (model,)
        until = (now + state.open_s, now + state.probe_s)
        return _TELL, (model, state.failures, state.pauses, *until, state.why, self._name, now)

    def _take(self, rows: Sequence[Row], now: float) -> None:
        for row in rows:
            model, changed_at = row["model"], row["changed_at"]
            if row["teller"] != self._name and self._seen.get(model) != changed_at and model not in self._news:
                self._seen[model] = changed_at
                rest = (max(0.0, row["open_until"] - now), max(0.0, row["probe_until"] - now))
                self._breakers.take(model, State(row["failures"], row["pauses"], *rest, row["why"]), self)
        for model in self._seen.keys() - {row["model"] for row in rows} - self._news.keys():
            del self._seen[model]
            self._breakers.take(model, None, self)

    def _add_up(self, totals: dict[str, int]) -> None:
        before = totals if self._totals is None else self._totals
        for user, requests in totals.items():
            elsewhere = requests - before.get(user, 0) - self._counted[user]
            if elsewhere > 0:
                self.on_others(user, elsewhere)
        self._totals = totals
        self._counted.clear()
