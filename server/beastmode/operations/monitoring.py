"""How the models do: the specification's monitoring object, and what a person wants to see beside it.

Its numbers are the ledger's, so that every process on the machine says the same whoever asked the models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from beastmode.domain.routing import Health, HealthLevel, Outcome
from beastmode.ledger.overview import spans
from beastmode.operations.meanings import meaning_of
from beastmode.operations.status import dollars, milliseconds, percent
from beastmode.router.health import (
    HEALTHY_RATE,
    HEALTHY_SECONDS,
    MINIMUM,
    WINDOW_ATTEMPTS,
    WINDOW_SECONDS,
    WORSE,
    Sample,
    judge,
    level_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from beastmode.ledger.ledger import Ledger
    from beastmode.ledger.overview import Failure, Overview
    from beastmode.ledger.summary import Summary
    from beastmode.operations.alerts.outbox import Undelivered

MOST_ERRORS = 10
UNKNOWN = "unknown"
"""What stands for an amount that needs a price nobody knows."""


@dataclass(frozen=True, slots=True)
class Monitoring:
    """One look.

    Attributes:
        overview: sums of the time looked at.
        health: of everything, by the specification's levels.
        models: how each model that was asked in the last quarter of an hour does now.
        failures: newest first.
    """

    overview: Overview
    health: Health
    models: Mapping[str, Health]
    failures: Sequence[Failure]


async def look(ledger: Ledger, now: float, since: float, user: str | None = None) -> Monitoring:
    """Look at the time between two moments (Unix time), the later of them now; of everybody, or of one user.

    A user's picture holds nothing of what others asked: how the models that they did not ask do is not in it.
    """
    seen = await ledger.overview(spans(since, now), user)
    models = await levels(ledger, now)
    if user is not None:
        # The level alone: the reasons quote what went wrong for somebody else.
        models = {model: Health(health.level) for model, health in models.items() if model in seen.models}
    failed = await ledger.failures(since, now, MOST_ERRORS, user=user)
    return Monitoring(seen, overall(seen.total, models), models, failed)


async def levels(ledger: Ledger, now: float) -> dict[str, Health]:
    """How each model does, from its last 20 requests of the last quarter of an hour, whichever process sent them."""
    samples: dict[str, list[Sample]] = {}
    for row in await ledger.since(now - WINDOW_SECONDS):
        sample = Sample(row["started_at"], row["outcome"] == Outcome.OK, row["total_s"], row["error"])
        samples.setdefault(row["model"], []).append(sample)
    return {model: judge(seen[-WINDOW_ATTEMPTS:]) for model, seen in sorted(samples.items())}


def overall(total: Summary, models: Mapping[str, Health]) -> Health:
    """The worst of what a time adds up to and of how each model does now, with a sentence for each reason."""
    rate, average = total.success_rate, total.average_s or 0.0
    if rate is None:
        found = Health(HealthLevel.UNKNOWN)
    else:
        level, issues = level_of(rate, average), []
        if level is HealthLevel.UNHEALTHY and total.requests < MINIMUM:
            level = HealthLevel.DEGRADED
        if rate <= HEALTHY_RATE:
            issues.append(f"{total.requests - total.succeeded} of {total.requests} requests failed")
        if average >= HEALTHY_SECONDS:
            issues.append(f"Answers take {average:.1f} s on average")
        found = Health(level, tuple(issues))
    for model, health in models.items():
        if health.level not in {HealthLevel.HEALTHY, HealthLevel.UNKNOWN}:
            why = f": {'; '.join(health.issues)}" if health.issues else ""
            found = replace(found, issues=(*found.issues, f"{model} is {health.level}{why}"))
        if WORSE[health.level] > WORSE[found.level]:
            found = replace(found, level=health.level)
    return found


def to_specification(seen: Monitoring) -> dict[str, Any]:
    """The answer of GET /api/models/custom/monitoring, field by field as the specification prints it.

    `customModelCost` is what all tries cost, also those of a provider that stepped in, and `providerModelCost` what
    the answers would have cost on the baseline model, so that the two differ by `savings`. Where an endpoint did not
    report its tokens, `savings` is the least that was saved.
    """
    total, health = seen.overview.total, seen.health
    rate = percent(total.success_rate or 0.0)
    return {
        "success": True,
        "metrics": {
            "requests": {
                "total": total.requests,
                "success": total.succeeded,
                "failures": total.requests - total.succeeded,
                "successRate": rate,
                "byModel": {model: part.requests for model, part in seen.overview.models.items()},
            },
            "performance": {
                "averageLatency": milliseconds(total.average_s or 0.0),
                "p50Latency": milliseconds(total.p50_s or 0.0),
                "p95Latency": milliseconds(total.p95_s or 0.0),
                "p99Latency": milliseconds(total.p99_s or 0.0),
            },
            "costs": {
                "customModelCost": _amount(total.cost),
                "providerModelCost": _amount(total.baseline_cost),
                "savings": _amount(total.savings_low),
                "savingsPercent": _savings_percent(total),
            },
        },
        "health": {
            "status": health.level.value,
            "successRate": rate,
            "averageLatency": f"{(total.average_s or 0.0) * 1000:.0f}ms",
            "totalRequests": total.requests,
            "issues": list(health.issues),
        },
    }


def to_details(seen: Monitoring, lost: Sequence[Undelivered] = ()) -> dict[str, Any]:
    """The same, and beside it what the specification's object has no place for; `lost`: alerts that did not arrive.

    `series` has a number for each span, in the unit that its name says, null where there is none; `edges`, `lastAt`
    are Unix seconds.
    """
    parts = seen.overview.spans
    return to_specification(seen) | {
        "models": [_model(model, part, seen.models.get(model)) for model, part in seen.overview.models.items()],
        "recentErrors": [_error(failure) for failure in seen.failures],
        "undeliveredAlerts": [
            {"target": each.target, "text": each.text, "error": each.error, "at": each.at} for each in lost
        ],
        "cancelled": seen.overview.total.cancelled,
        "cached": seen.overview.total.cached,
        "estimated": seen.overview.total.estimated,
        "edges": list(seen.overview.edges),
        "series": {
            "requests": [part.requests for part in parts],
            "successPercent": [None if part.success_rate is None else part.success_rate * 100 for part in parts],
            "p50Ms": [_ms(part.p50_s) for part in parts],
            "p95Ms": [_ms(part.p95_s) for part in parts],
            "p99Ms": [_ms(part.p99_s) for part in parts],
            "costDollars": [None if part.cost is None else float(part.cost) for part in parts],
        },
    }


def _model(model: str, part: Summary, health: Health | None) -> dict[str, Any]:
    now = health or Health(HealthLevel.UNKNOWN)
    return {
        "id": model,
        "requests": part.requests,
        "successRate": percent(part.success_rate),
        "p50Latency": milliseconds(part.p50_s),
        "p95Latency": milliseconds(part.p95_s),
        "cost": _amount(part.cost),
        "savings": _amount(part.savings_low),
        "status": now.level.value,
        "issues": list(now.issues),
    }


def _error(failure: Failure) -> dict[str, Any]:
    meaning, fix = meaning_of(failure.kind, failure.model)
    return {
        "model": failure.model,
        "kind": failure.kind,
        "message": failure.message,
        "meaning": meaning,
        "fix": fix,
        "times": failure.times,
        "lastAt": failure.last_at,
    }


def _amount(amount: Decimal | None) -> str:
    return dollars(amount) or UNKNOWN


def _savings_percent(total: Summary) -> str:
    if total.savings_low is None:
        return UNKNOWN
    return "0.0%" if total.savings_rates is None else f"{total.savings_rates[0] * 100:.1f}%"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
