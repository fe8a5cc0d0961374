"""What the dashboard shows, as JSON: every panel's figures of one span of time, for the models that were chosen.

The owner sees everything; a user sees what they themselves asked, and the models that they may ask.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel
from beastmode.faces.http.discretion import without_addresses
from beastmode.ledger.days import first_of_month, midnight
from beastmode.ledger.steps import cut, read_range
from beastmode.operations.meanings import meaning_of
from beastmode.operations.monitoring import levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo
    from decimal import Decimal

    from starlette.datastructures import QueryParams

    from beastmode.faces.http.gateway import Gateway
    from beastmode.ledger.routed import Routed
    from beastmode.ledger.series import Series
    from beastmode.ledger.summary import Summary
    from beastmode.registry.users import User

MOST_ERRORS = 20
MOST_MODELS = 50
"""In a filter."""
TASKS = tuple(task for task in Task if task is not Task.PROBE)


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a span (Unix time), the models (None: all of them), whose days and weeks count."""

    since: float
    until: float
    models: frozenset[str] | None
    zone: tzinfo | None
    zone_name: str


def view_of(query: QueryParams, now: float) -> View:
    """The view that a query asks for; now is Unix time.

    Raises:
        UserError: its span is none.
    """
    zone, name = _zone(query.get("zone", ""))
    since, until = read_range(query.get("range", "7d"), query.get("from", ""), query.get("to", ""), now, zone)
    chosen = query.getlist("model")[:MOST_MODELS]
    return View(since, until, frozenset(chosen) if chosen else None, zone, name)


def _zone(name: str) -> tuple[tzinfo | None, str]:
    """A time zone by its name; one that this machine does not know is replaced by its own."""
    try:
        return (ZoneInfo(name), name) if name else (None, "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None, ""


async def figures(gateway: Gateway, user: User, view: View, now: float) -> dict[str, Any]:
    """Everything that the page shows; its shape is `Overview` of dashboard/src/api.ts."""
    ledger, whose = gateway.app.ledger, None if user.is_owner else user.name
    steps = cut(view.since, view.until, view.zone)
    span = (view.since, view.until)
    series = await ledger.series(steps.edges, whose)
    routed = await ledger.routed(*span, view.models, whose)
    failed = await ledger.failures(*span, MOST_ERRORS, models=view.models, user=whose)
    asked = series.models if view.models is None else [model for model in series.models if model in view.models]
    own = [model for model in asked if model.startswith("custom:")]
    said = {
        "since": view.since,
        "until": view.until,
        "step": steps.step,
        "edges": steps.edges,
        "zone": view.zone_name,
        "baseline": gateway.settings.baseline,
        "is_owner": user.is_owner,
        "total": _sums(series.summary(view.models)),
        "steps": [_sums(step) for step in series.steps(view.models)],
        "custom_requests": [step.requests for step in series.steps(own)],
        "provider_requests": [step.requests for step in series.steps(set(asked) - set(own))],
        "models": await _models(gateway, user, series, now),
        "errors": {
            "kinds": _kinds(routed),
            "recent": [
                {
                    "at": failure.last_at,
                    "model": failure.model,
                    "kind": failure.kind,
                    "message": failure.message,
                    "times": failure.times,
                    **meaning_of(failure.kind, failure.model)._asdict(),
                }
                for failure in failed
            ],
        },
        "acceptance": await _acceptance(gateway, user, view),
        "routing": _routing(routed),
        "spend": await _spend(gateway, user, view, now),
    }
    return said | {"errors": without_addresses(said["errors"], user, gateway.app.registry)}


def _sums(of: Summary) -> dict[str, Any]:
    """Dollars and seconds as numbers, None where nobody knows."""
    return {
        "requests": of.requests,
        "succeeded": of.succeeded,
        "cancelled": of.cancelled,
        "cached": of.cached,
        "masked": of.masked,
        "input_tokens": of.input_tokens,
        "output_tokens": of.output_tokens,
        "p50_s": of.p50_s,
        "p95_s": of.p95_s,
        "p99_s": of.p99_s,
        "first_token_p95_s": of.first_token_p95_s,
        "cost": _float(of.cost),
        "known_cost": _float(of.known_cost),
        "unpriced": of.unpriced,
        "baseline_cost": _float(of.baseline_cost),
        "savings_low": _float(of.savings_low),
        "savings_high": _float(of.savings_high),
        "savings_rates": of.savings_rates,
        "estimated": of.estimated,
    }


async def _models(gateway: Gateway, user: User, series: Series, now: float) -> list[dict[str, Any]]:
    """Every model that is registered or was asked, whatever the filter: the filter offers these."""
    registry, health = gateway.app.registry, await levels(gateway.app.ledger, now)
    registered = {model.id: model for model in registry.models if user.may_use(model.id)}
    shown = [*registered, *(model for model in series.models if model not in registered)]
    selected = {task: found.id for task in TASKS if (found := registry.selected(task)) is not None}
    rows = []
    for model in shown:
        tasks = [task.value for task, chosen in selected.items() if chosen == model]
        seen = health.get(model, Health(HealthLevel.UNKNOWN))
        rows.append(
            {
                "id": model,
                "name": registered[model].name if model in registered else model,
                "is_custom": model.startswith("custom:"),
                "is_registered": model in registered,
                "can_remove": user.is_owner and model in registered and model != BUILTIN_ID,
                "selected_for": ["*"] if len(tasks) == len(TASKS) else tasks,
                "health": {"level": seen.level.value, "issues": seen.issues if user.is_owner else ()},
                "figures": _sums(series.summary({model})),
            }
        )
    return sorted(rows, key=lambda row: (not row["is_registered"], -row["figures"]["requests"], row["id"]))


def _kinds(routed: Sequence[Routed]) -> list[dict[str, Any]]:
    """How tries failed, the most frequent first."""
    counted: Counter[str] = Counter()
    for row in routed:
        if row.error_kind:
            counted[row.error_kind] += row.attempts
    return [{"kind": kind, "attempts": n, **meaning_of(kind)._asdict()} for kind, n in counted.most_common()]


def _routing(routed: Sequence[Routed]) -> list[dict[str, Any]]:
    """Where tries went and why, the most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for row in routed:
        counted[row.model, row.reason] += row.attempts
    return [{"model": model, "reason": reason, "attempts": n} for (model, reason), n in counted.most_common()]


async def _acceptance(gateway: Gateway, user: User, view: View) -> list[dict[str, Any]]:
    """Suggestions are shown by the owner's editors, and nobody else's."""
    if not user.is_owner:
        return []
    report = await gateway.app.ledger.acceptance(view.since, view.until, "model")
    return [
        {"model": model, "shown": of.shown, "used": of.used, "rate": of.rate, "kept_5min": of.kept_5min}
        for model, of in report.parts.items()
        if view.models is None or model in view.models
    ]


async def _spend(gateway: Gateway, user: User, view: View, now: float) -> dict[str, Any]:
    """What paid models cost today and this month, whatever span is looked at: that is what the caps are about."""
    policy, ledger = gateway.app.registry.policy(), gateway.app.ledger
    caps = (policy.daily_cap, policy.monthly_cap) if user.is_owner else (user.daily_cap, user.monthly_cap)
    begins = {"today": midnight(now, view.zone), "this month": first_of_month(now, view.zone)}
    spans: list[Mapping[str, Any]] = []
    for (name, since), cap in zip(begins.items(), caps, strict=True):
        spent = await ledger.spent(since, None if user.is_owner else user.name)
        spans.append({"name": name, "spent": float(spent), "cap": _float(cap)})
    return {"spans": spans, "allow_paid_fallback": policy.allow_paid_fallback}


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
