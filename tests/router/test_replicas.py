"""What gateways of a team tell each other through their database."""

from __future__ import annotations

import pytest
from tests.router.test_spending import model

from beastmode.domain.errors import Unreachable
from beastmode.domain.routing import Outcome
from beastmode.router.replicas import Replicas
from beastmode.router.shared import SharedBreakers
from beastmode.store import Database, StoreError

MODEL = model().id


class Gateway:
    """A replica whose clocks a test moves; each machine's monotonic clock began at another moment."""

    def __init__(self, database: Database, booted: float) -> None:
        self.now = 1000.0
        self.breakers = SharedBreakers(lambda: self.now - booted)
        self.replicas = Replicas(database, self.breakers, lambda: self.now)
        self.elsewhere: list[tuple[str, int]] = []
        self.replicas.on_others = lambda user, requests: self.elsewhere.append((user, requests))

    def fails(self, times: int = 3) -> None:
        for _ in range(times):
            self.breakers.end(MODEL, Outcome.FAILED, Unreachable("refused"))


async def exchanged(*gateways: Gateway) -> None:
    for gateway in gateways * 2:
        await gateway.replicas.exchange()


async def test_a_model_that_rests_here_rests_everywhere_and_wakes_everywhere(database: Database) -> None:
    """One that starts later knows it too."""
    first, second = Gateway(database, 900.0), Gateway(database, 17.0)
    first.fails()
    await exchanged(first, second)
    late = Gateway(database, 0.0)
    await exchanged(late)
    rests = [each.breakers.resting(MODEL) for each in (first, second, late)]
    assert rests == [(2.0, "refused")] * 3
    for each in (first, second, late):
        each.now += 3
    assert second.breakers.begin(MODEL)
    await exchanged(second, first, late)
    assert first.breakers.resting(MODEL) is not None, "the probe is the second one's"
    second.breakers.end(MODEL, Outcome.OK, None)
    await exchanged(second, first, late)
    assert [each.breakers.state(MODEL) for each in (first, second, late)] == [None] * 3


async def test_nothing_is_told_twice(database: Database) -> None:
    """What was taken over is not told again, and what happened meanwhile is not overwritten."""
    first, second = Gateway(database, 900.0), Gateway(database, 17.0)
    first.fails()
    await exchanged(first, second)
    for each in (first, second):
        each.now += 3
    assert second.breakers.begin(MODEL)
    second.fails(1)
    rest = second.breakers.resting(MODEL)
    assert rest is not None
    assert rest[0] == 4.0
    await exchanged(second, first)
    assert first.breakers.resting(MODEL) == second.breakers.resting(MODEL) == rest


async def test_requests_of_a_user_count_everywhere(database: Database) -> None:
    """Those made before a gateway started do not; its own are its own."""
    first, second = Gateway(database, 0.0), Gateway(database, 0.0)
    for _ in range(3):
        first.replicas.asked("ada")
    await first.replicas.exchange()
    await second.replicas.exchange()
    second.replicas.asked("ada")
    first.replicas.asked("bob")
    await exchanged(first, second)
    assert first.elsewhere == [("ada", 1)]
    assert second.elsewhere == [("bob", 1)]


async def test_what_could_not_be_told_is_told_later(database: Database) -> None:
    """A database that is gone for a while loses nothing."""
    first, second = Gateway(database, 0.0), Gateway(database, 0.0)
    await exchanged(first, second)
    first.fails()
    first.replicas.asked("ada")
    await database.write("ALTER TABLE breakers RENAME TO away")
    with pytest.raises(StoreError, match="breakers"):
        await first.replicas.exchange()
    await database.write("ALTER TABLE away RENAME TO breakers")
    await exchanged(first, second)
    assert second.breakers.resting(MODEL) is not None
    assert second.elsewhere == [("ada", 1)]
