"""Measures what a rule watches, from what the ledger and the registry know; nothing is sent to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import KeyUnreadable
from beastmode.domain.request import Task
from beastmode.domain.routing import HealthLevel
from beastmode.ledger.days import day_of, first_of_month, midnight
from beastmode.operations.monitoring import levels
from beastmode.operations.status import dollars, milliseconds, percent
from beastmode.router.health import WORSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from decimal import Decimal

    from beastmode.ledger.ledger import Ledger
    from beastmode.ledger.summary import Summary
    from beastmode.operations.alerts.rules import Rule
    from beastmode.registry.registry import Registry

FEWEST = 5
"""Requests before a share or a percentile of them says anything."""


class Reading(NamedTuple):
    """One thing that a rule watches, as it is now: what, whether it is bad, and a sentence about it."""

    subject: str
    is_bad: bool
    text: str


class Readings:
    """Takes them.

    Args:
        ledger: of all processes.
        registry: knows the caps and the keys.
    """

    def __init__(self, ledger: Ledger, registry: Registry) -> None:
        self._ledger = ledger
        self._registry = registry
        self._kinds: dict[str, Callable[[Rule, float], AsyncIterator[Reading]]] = {
            "health": self._health,
            "success-rate": self._success_rate,
            "p95": self._p95,
            "spend-day": self._spent_today,
            "spend-month": self._spent_this_month,
            "cap": self._caps,
            "key": self._keys,
        }

    async def take(self, rule: Rule, now: float) -> list[Reading]:
        """What a rule watches; nothing of what there is too little of to tell."""
        return [reading async for reading in self._kinds[rule.kind](rule, now)]

    async def _health(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        for model, health in (await levels(self._ledger, now)).items():
            if rule.model in {"", model} and health.level is not HealthLevel.UNKNOWN:
                why = "".join(f"; {issue}" for issue in health.issues)
                yield Reading(model, WORSE[health.level] >= rule.limit, f"{model} is {health.level}{why}")

    async def _success_rate(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        seen = await self._sum(rule, now)
        rate = seen.success_rate
        if rate is not None and seen.requests >= FEWEST:
            of = f" of {rule.model}" if rule.model else ""
            text = f"{percent(rate)} of {seen.requests} requests{of} succeeded"
            yield Reading(rule.model or "all models", rate < rule.limit, text)

    async def _p95(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        seen = await self._sum(rule, now)
        if seen.p95_s is not None and seen.succeeded >= FEWEST:
            of = f" of {rule.model}" if rule.model else ""
            text = f"The latency p95{of} is {milliseconds(seen.p95_s)}, of {seen.succeeded} answers"
            yield Reading(rule.model or "all models", seen.p95_s > rule.limit, text)

    async def _sum(self, rule: Rule, now: float) -> Summary:
        seen = await self._ledger.overview((now - rule.window_s, now))
        if not rule.model:
            return seen.total
        return seen.models.get(rule.model) or type(seen.total)()

    async def _spent_today(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        yield _spent(rule, f"{day_of(now)}", await self._ledger.spent(midnight(now)), "today")

    async def _spent_this_month(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        yield _spent(rule, f"{day_of(now):%Y-%m}", await self._ledger.spent(first_of_month(now)), "this month")

    async def _caps(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        policy, day = self._registry.policy(), day_of(now)
        caps = (
            (f"daily cap, {day}", policy.daily_cap, midnight(now)),
            (f"monthly cap, {day:%Y-%m}", policy.monthly_cap, first_of_month(now)),
        )
        for subject, cap, since in caps:
            if cap:
                spent = await self._ledger.spent(since)
                share = float(spent / cap)
                name = subject.partition(",")[0]
                text = f"{percent(share)} of the {name} of {dollars(cap)} is used up: {dollars(spent)}"
                yield Reading(subject, share >= rule.limit, text)

    async def _keys(self, rule: Rule, now: float) -> AsyncIterator[Reading]:
        for name, is_refused in (await self._ledger.refused_keys(now - rule.window_s)).items():
            if rule.model in {"", name}:
                said = "refused" if is_refused else "accepted"
                yield Reading(f"{name} at its endpoint", is_refused, f"The API key is {said} by the endpoint of {name}")
        routed = {model.id: model for task in Task for model in self._registry.route(task)}
        for model_id, model in routed.items():
            if rule.model in {"", model_id} and model.has_key:
                problem = await _problem(self._registry.key_of(model))
                yield Reading(f"{model_id} on this machine", bool(problem), problem or f"The key of {model_id} opens")


def _spent(rule: Rule, subject: str, spent: Decimal, when: str) -> Reading:
    return Reading(subject, float(spent) >= rule.limit, f"{dollars(spent)} spent {when}")


async def _problem(opening: Awaitable[str | None]) -> str:
    try:
        await opening
    except KeyUnreadable as error:
        return error.message
    return ""
