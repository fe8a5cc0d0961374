"""Whether all is well, for cron: free questions to the endpoints, how the models did lately, and what has changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.request import Task
from beastmode.domain.routing import HealthLevel
from beastmode.operations.model_checks import Check
from beastmode.operations.monitoring import levels
from beastmode.operations.status import undelivered_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.operations.whole import Whole
    from beastmode.store import Database
    from beastmode.store.connection import Connection

OK, FAILING = "ok", "failing"
_PUT = "INSERT INTO check_findings (name, state, evidence, since) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check, and whether what it is about answers requests, so that its failing is more than a blemish."""

    check: Check
    matters: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `level` is UNKNOWN where nothing could be told; `changes` are sentences, since the last time."""

    level: HealthLevel
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]


async def check(app: Whole, now: float) -> Checked:
    """Look at everything that can be looked at for nothing, and remember it for the next time.

    Args:
        app: all that runs.
        now: Unix time.
    """
    routed = {model.id: model for task in Task for model in app.registry.route(task)}
    every = {model.id: model for model in app.registry.models} | routed
    reached = await asyncio.gather(*(_reach(app, model) for model in every.values()))
    found = [Finding(each, model in routed) for model, each in zip(every, reached, strict=True)]
    for model, health in (await levels(app.ledger, now)).items():
        is_well = health.level is HealthLevel.HEALTHY
        said = "; ".join((str(health.level), *health.issues))
        fix = "Run `beastmode monitor`: it says what each recent error means"
        answers = Check(f"Answers of {model}", ok=is_well, evidence=said, fix=fix)
        found.append(Finding(answers, health.level is HealthLevel.UNHEALTHY))
    if lost := await app.alerts.lost():
        said = f"{undelivered_line(len(lost))}: {lost[0].error}"
        alerts = Check("Alerts", ok=False, evidence=said, fix="Run `beastmode alerts test`")
        found.append(Finding(alerts, matters=False))
    if unheard := await app.alerts.unheard():
        said = f"nobody is told of {', '.join(unheard)}"
        rules = Check("Alert rules", ok=False, evidence=said, fix="Run `beastmode alerts target NAME`")
        found.append(Finding(rules, matters=False))
    changes = await app.last_check.compare([each.check for each in found], now)
    return Checked(_level(found), tuple(found), tuple(changes))


async def _reach(app: Whole, model: ModelSpec) -> Check:
    if model.id != BUILTIN_ID:
        return await app.models.reach(model)
    fetched = app.embedded.fetched  # it is not started to find out
    evidence = "its weights are here" if fetched else "its weights are not downloaded"
    return Check(f"Endpoint of {model.id}", ok=fetched, evidence=evidence, fix="Run `beastmode models fetch`")


def _level(found: Sequence[Finding]) -> HealthLevel:
    if not found:
        return HealthLevel.UNKNOWN
    if any(each.matters and not each.check.ok for each in found):
        return HealthLevel.UNHEALTHY
    return HealthLevel.HEALTHY if all(each.check.ok for each in found) else HealthLevel.DEGRADED


class LastCheck:
    """What was found the last time, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def compare(self, checks: Sequence[Check], now: float) -> list[str]:
        """What has changed since then, the first time what is failing; from now on this is the last time."""

        def work(connection: Connection) -> list[str]:
            rows = connection.execute("SELECT name, state, evidence, since FROM check_findings").fetchall()
            before, is_first = {row["name"]: row for row in rows}, not rows
            changes = []
            for each in checks:
                state, known = OK if each.ok else FAILING, before.pop(each.name, None)
                since = now if known is None or known["state"] != state else known["since"]
                if known is not None and known["state"] != state:
                    changes.append(f"{each.name} is {state} now: {each.evidence}")
                elif known is None and not each.ok:
                    changes.append(f"{each.name} is {'' if is_first else 'new, and '}failing: {each.evidence}")
                connection.execute("DELETE FROM check_findings WHERE name = ?", (each.name,))
                connection.execute(_PUT, (each.name, state, each.evidence, since))
            for name, row in before.items():
                if row["state"] == FAILING:
                    changes.append(f"{name} is not looked at any more")
                connection.execute("DELETE FROM check_findings WHERE name = ?", (name,))
            return changes

        return await self._database.transact(work)
