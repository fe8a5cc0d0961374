"""What is not counted but read: from the ledger, whichever process filled it, just before somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode import __version__
from beastmode.domain.routing import HealthLevel
from beastmode.ledger.days import first_of_month, midnight
from beastmode.operations.metrics.table import BUILD, CAP, HEALTH, SAVINGS, SPEND, UNDELIVERED, VERSION
from beastmode.operations.monitoring import levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.operations.metrics.recorder import Recorder
    from beastmode.operations.whole import Whole


async def read_gauges(app: Whole, recorder: Recorder, now: float) -> None:
    """Set every gauge; now is Unix time."""
    ledger, policy = app.ledger, app.registry.policy()
    periods = {"day": midnight(now), "month": first_of_month(now)}
    caps = {"day": policy.daily_cap, "month": policy.monthly_cap}
    spent = {period: await ledger.spent(since) for period, since in periods.items()}
    saved = {period: (await ledger.summary(since)).savings_low for period, since in periods.items()}
    health = await levels(ledger, now)
    lost = len(await app.alerts.lost())
    for metric, amounts in ((SPEND, spent), (CAP, caps), (SAVINGS, saved)):
        known = [
            (float(amount), {"beastmode.period": period}) for period, amount in amounts.items() if amount is not None
        ]
        recorder.set(metric, known)
    shown: list[tuple[float, Mapping[str, str]]] = [
        (float(found.level is level), {"gen_ai.request.model": model, "beastmode.level": level.value})
        for model, found in health.items()
        for level in HealthLevel
    ]
    recorder.set(HEALTH, shown)
    recorder.set(UNDELIVERED, [(float(lost), {})])
    recorder.set(BUILD, [(1.0, {"beastmode.version": __version__, "beastmode.metrics.version": VERSION})])
