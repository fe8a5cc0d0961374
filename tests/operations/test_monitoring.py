"""The specification's monitoring object, and what stands beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.attempts import GPT4, ROW

from beastmode.domain.errors import AttemptFailed
from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel, Outcome
from beastmode.domain.usage import Usage
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import price_id
from beastmode.ledger.summary import Summary
from beastmode.operations.meanings import MEANINGS, meaning_of
from beastmode.operations.monitoring import levels, look, overall, to_details, to_specification
from beastmode.operations.probing import Refused  # noqa: F401 - completes the tree of errors
from beastmode.store import Database

NOW = 1_790_000_000.0
ASKED = replace(ROW, task=Task.CHAT, started_at=NOW - 60)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """One that compares with gpt-4 at $30 and $60 per million tokens."""
    database = await Database.open(tmp_path / "l.db")
    await database.transact(lambda connection: price_id(connection, "openai:gpt-4", GPT4))
    ledger = Ledger(database, baseline="openai:gpt-4")
    await ledger.recall()
    yield ledger
    await database.close()


async def test_the_object_is_the_specifications(ledger: Ledger) -> None:
    """Its fields, its order, its texts: percentages with two places and one, milliseconds, dollars."""
    for number in range(24):
        model = "custom:my-model" if number % 4 else "custom:other-model"
        answer = replace(ASKED, id=str(number), model=model, usage=Usage(25_000, 12_500), cost=Decimal("0.05"))
        await ledger.observe(replace(answer, total_s=0.45))
    await ledger.observe(replace(ASKED, id="x", model="custom:my-model", outcome=Outcome.FAILED, cost=Decimal("0.05")))
    told = to_specification(await look(ledger, NOW, NOW - 3600))
    performance = told["metrics"].pop("performance")
    average = told["health"].pop("averageLatency")
    assert json.loads(json.dumps(told)) == {
        "success": True,
        "metrics": {
            "requests": {
                "total": 25,
                "success": 24,
                "failures": 1,
                "successRate": "96.00%",
                "byModel": {"custom:my-model": 19, "custom:other-model": 6},
            },
            "costs": {
                "customModelCost": "$1.25",
                "providerModelCost": "$36.00",
                "savings": "$34.75",
                "savingsPercent": "96.5%",
            },
        },
        "health": {
            "status": "degraded",
            "successRate": "96.00%",
            "totalRequests": 25,
            "issues": ["custom:my-model is degraded: 1 of the last 19 requests failed; the last request failed"],
        },
    }
    assert list(performance) == ["averageLatency", "p50Latency", "p95Latency", "p99Latency"]
    for text in performance.values():
        assert float(text.removesuffix("ms")) == pytest.approx(450, rel=0.011)
        assert len(text.partition(".")[2]) == len("00ms")
    assert 445 <= int(average.removesuffix("ms")) <= 455


async def test_before_the_first_request_nothing_is_claimed(ledger: Ledger) -> None:
    """Every field is there and of its type, the counts are zero, and nobody is called healthy."""
    told = to_specification(await look(ledger, NOW, NOW - 3600))
    assert told["metrics"]["costs"] == {
        "customModelCost": "$0.00",
        "providerModelCost": "$0.00",
        "savings": "$0.00",
        "savingsPercent": "0.0%",
    }
    assert told["health"]["status"] == "unknown"


async def test_what_nobody_knows_is_called_unknown(ledger: Ledger) -> None:
    """A missing price is never zero; where tokens were estimated, the least that was saved is told."""
    await ledger.observe(replace(ASKED, id="1", estimated=True))
    least = to_specification(await look(ledger, NOW, NOW - 3600))["metrics"]["costs"]
    # 1000 + 100 tokens cost $0.036 there and $0.001 here; of estimates, 70 % and 175 %.
    assert least["savings"] == f"${0.036 * 0.7 - 0.001 * 1.75:.4f}"
    await ledger.observe(replace(ASKED, id="2", cost=None))
    costs = to_specification(await look(ledger, NOW, NOW - 3600))["metrics"]["costs"]
    assert (costs["customModelCost"], costs["savings"], costs["savingsPercent"]) == ("unknown", "unknown", "unknown")


async def test_details_say_what_to_do(ledger: Ledger) -> None:
    """A recent error comes with its meaning and a command that names the model; the object itself stays as it is."""
    refused = replace(ASKED, outcome=Outcome.FAILED, error_kind="unauthorized", error="http://127.0.0.1:1 said 401")
    await ledger.observe(refused)
    seen = await look(ledger, NOW, NOW - 86_400)
    told = to_details(seen)
    assert {name: told[name] for name in to_specification(seen)} == to_specification(seen)
    (error,) = told["recentErrors"]
    assert error["meaning"] == "The endpoint does not accept the API key"
    assert "`beastmode keys set custom:m`" in error["fix"]
    assert sum(told["series"]["requests"]) == 1
    assert all(len(series) == len(told["edges"]) - 1 for series in told["series"].values())
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("succeeded", "average", "level"),
    [
        (91, 4.99, HealthLevel.HEALTHY),
        (90, 0.1, HealthLevel.DEGRADED),
        (80, 0.1, HealthLevel.DEGRADED),
        (79, 0.1, HealthLevel.UNHEALTHY),
        (49, 0.1, HealthLevel.UNHEALTHY),
        (100, 5.0, HealthLevel.DEGRADED),
        (100, 10.0, HealthLevel.DEGRADED),
        (100, 10.1, HealthLevel.UNHEALTHY),
    ],
)
def test_the_levels_are_the_specifications(succeeded: int, average: float, level: HealthLevel) -> None:
    """More than 90 % and less than 5 s; 80 to 90 %, or 5 to 10 s; worse than that. Each with a reason."""
    found = overall(Summary(requests=100, succeeded=succeeded, average_s=average), {})
    assert found.level is level
    assert bool(found.issues) is (level is not HealthLevel.HEALTHY)


def test_a_model_that_fails_now_shows_however_good_the_day_was() -> None:
    """The worst of the day and of now; and one failed request alone is no pattern."""
    ill = Health(HealthLevel.UNHEALTHY, ("9 of the last 9 requests failed",))
    found = overall(Summary(requests=1000, succeeded=991, average_s=0.1), {"custom:m": ill})
    assert found == Health(HealthLevel.UNHEALTHY, ("custom:m is unhealthy: 9 of the last 9 requests failed",))
    assert overall(Summary(requests=1, succeeded=0), {}).level is HealthLevel.DEGRADED


async def test_levels_are_the_same_whichever_process_asked(ledger: Ledger) -> None:
    """They come from the ledger's last quarter of an hour."""
    for number in range(4):
        failed = replace(ASKED, id=f"f{number}", model="custom:ill", outcome=Outcome.FAILED, error="refused")
        await ledger.observe(failed)
        await ledger.observe(replace(ASKED, id=f"o{number}"))
        await ledger.observe(replace(failed, id=f"l{number}", model="custom:long-ago", started_at=NOW - 1000))
    found = await levels(ledger, NOW)
    assert {model: health.level.value for model, health in found.items()} == {
        "custom:ill": "unhealthy",
        "custom:m": "healthy",
    }


def test_every_error_has_a_meaning() -> None:
    """Whatever kind the ledger may hold; an unknown one is not made up."""
    pending, kinds = [AttemptFailed], set()
    while pending:
        error = pending.pop()
        kinds.add(error.kind)
        pending += error.__subclasses__()
    assert kinds | {"internal"} <= set(MEANINGS)
    assert meaning_of("from a newer version").meaning == "The try failed"
    for meaning, fix in MEANINGS.values():
        assert meaning
        assert fix
