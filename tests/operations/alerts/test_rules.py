"""Rules as a person writes them, and what they measure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.attempts import ROW

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome, Policy
from beastmode.ledger.days import day_of
from beastmode.ledger.ledger import Ledger
from beastmode.operations.alerts.readings import Readings
from beastmode.operations.alerts.rules import KINDS, parse_rule
from beastmode.registry import Registry, Vault
from beastmode.store import Database

NOW = 1_790_000_000.0
GOOD = replace(ROW, task=Task.CHAT, started_at=NOW - 60, total_s=0.5)
BAD = replace(GOOD, outcome=Outcome.FAILED, error_kind="unauthorized", error="401", connect_s=None)


class World(NamedTuple):
    """What readings are taken of."""

    ledger: Ledger
    registry: Registry
    readings: Readings

    async def seen(self, kind: str, **words: Any) -> list[tuple[str, bool, str]]:
        return [tuple(each) for each in await self.readings.take(parse_rule(kind, **words), NOW)]

    async def put(self, good: int, bad: int, model: str = "custom:m") -> None:
        for number in range(good + bad):
            row = GOOD if number < good else BAD
            key = f"{model}-{good}-{bad}-{number}"
            await self.ledger.observe(replace(row, id=key, model=model, started_at=row.started_at + number))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = await Database.open(tmp_path / "w.db")
    vault = Vault(database, key_file=tmp_path / "master.key")
    registry, ledger = await Registry.open(database, vault, None), Ledger(database)
    yield World(ledger, registry, Readings(ledger, registry))
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_usual_rule(kind: str) -> None:
    """Whose sentence says what it watches."""
    rule = parse_rule(kind)
    assert rule.name == kind
    assert str(rule).startswith(KINDS[kind].help)


@pytest.mark.parametrize(
    ("kind", "words", "said"),
    [
        ("success", {}, "success-rate"),
        ("success-rate", {"limit": "ninety"}, "ninety"),
        ("success-rate", {"limit": "0%"}, "0%"),
        ("success-rate", {"limit": "101"}, "101"),
        ("p95", {"limit": "5"}, "90s"),
        ("spend-day", {"limit": "-1"}, "-1"),
        ("spend-day", {"limit": "NaN"}, "NaN"),
        ("health", {"limit": "fine"}, "degraded"),
        ("key", {"limit": "1"}, "--limit"),
        ("cap", {"model": "custom:m"}, "--model"),
        ("health", {"window": "5m"}, "--window"),
        ("p95", {"lasting": "soon"}, "--for soon"),
    ],
)
def test_what_is_wrong_is_named(kind: str, words: dict[str, str], said: str) -> None:
    """With what to write instead."""
    with pytest.raises(UserError) as raised:
        parse_rule(kind, **words)  # type: ignore[arg-type]
    assert said in str(raised.value)
    assert raised.value.fix


def test_a_rule_reads_like_a_sentence() -> None:
    """With its time, its model and its duration."""
    rule = parse_rule("success-rate", model="custom:m", limit="95", window="30m", lasting="5m")
    expected = "the share of requests that succeed of custom:m is below 95.00%, over 30 min, for 5 min"
    assert (str(rule), rule.limit, rule.name) == (expected, 0.95, "success-rate-custom:m")


async def test_success_is_measured_over_its_window(world: World) -> None:
    """Of all models or of one; too few requests say nothing, and what is older is not looked at."""
    await world.put(2, 1)
    assert await world.seen("success-rate") == []
    await world.put(6, 4, "custom:n")
    assert await world.seen("success-rate") == [("all models", True, "61.54% of 13 requests succeeded")]
    assert await world.seen("success-rate", model="custom:n", limit="60%") == [
        ("custom:n", False, "60.00% of 10 requests of custom:n succeeded")
    ]
    assert await world.seen("success-rate", window="10s") == []


async def test_p95_is_measured(world: World) -> None:
    """Against seconds."""
    await world.put(6, 0)
    ((subject, is_bad, _),) = await world.seen("p95", limit="1s")
    assert (subject, is_bad) == ("all models", False)
    await world.ledger.observe(replace(GOOD, id="slow", total_s=20.0))
    assert [is_bad for _, is_bad, _ in await world.seen("p95", limit="1s")] == [True]


async def test_health_is_each_models_own(world: World) -> None:
    """One subject a model; at `unhealthy`, degraded is good enough."""
    await world.put(2, 1)
    await world.put(5, 0, "custom:n")
    assert [each[:2] for each in await world.seen("health")] == [("custom:m", True), ("custom:n", False)]
    assert [each[:2] for each in await world.seen("health", model="custom:n")] == [("custom:n", False)]
    await world.put(0, 9)
    assert (await world.seen("health", limit="unhealthy"))[0][:2] == ("custom:m", True)


async def test_money_is_told_once_a_day_and_month(world: World) -> None:
    """The subject is the day, or the month: the next one is another subject."""
    await world.ledger.observe(replace(GOOD, id="dear", model="openai:gpt-4", cost=Decimal("5.5")))
    day = day_of(NOW)
    assert await world.seen("spend-day") == [(day.isoformat(), True, "$5.50 spent today")]
    assert await world.seen("spend-month") == [(f"{day:%Y-%m}", False, "$5.50 spent this month")]
    assert await world.seen("cap") == []
    await world.registry.set_policy(Policy(daily_cap=Decimal(6), monthly_cap=Decimal(100)))
    assert [each[:2] for each in await world.seen("cap")] == [
        (f"daily cap, {day}", True),
        (f"monthly cap, {day:%Y-%m}", False),
    ]


async def test_a_refused_key_is_bad_until_it_is_accepted(world: World) -> None:
    """The last word of the endpoint counts."""
    await world.put(1, 1)
    assert [each[:2] for each in await world.seen("key")] == [("custom:m at its endpoint", True)]
    await world.ledger.observe(replace(GOOD, id="later", started_at=NOW - 1))
    assert [each[:2] for each in await world.seen("key")] == [("custom:m at its endpoint", False)]
