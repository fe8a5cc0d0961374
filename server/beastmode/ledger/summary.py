"""What the rows add up to over a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.usage import Usage, from_nano

if TYPE_CHECKING:
    from beastmode.domain.usage import Price
    from beastmode.store import Database


@dataclass(frozen=True, slots=True)
class Summary:
    """Tries that ended by themselves (a keystroke that broke one off is counted apart), their times and their money.

    Attributes:
        requests: how many ended by themselves.
        succeeded: how many of those with a whole answer.
        cancelled: how many the caller broke off.
        p95_s: seconds of the 95th percentile among those that succeeded; None where there are none.
        cost: dollars, None where a price is missing.
        baseline_cost: dollars that the same tokens cost on the baseline model; None where that is not known.
        estimated: some tokens were counted by us.
    """

    requests: int = 0
    succeeded: int = 0
    cancelled: int = 0
    p95_s: float | None = None
    cost: Decimal | None = Decimal(0)
    baseline_cost: Decimal | None = None
    estimated: bool = False

    @property
    def success_rate(self) -> float | None:
        """Between 0 and 1; None before the first request."""
        return self.succeeded / self.requests if self.requests else None

    @property
    def savings(self) -> Decimal | None:
        """Dollars kept; None where either cost is not known."""
        if self.cost is None or self.baseline_cost is None:
            return None
        return self.baseline_cost - self.cost

    @property
    def savings_rate(self) -> float | None:
        """Between 0 and 1 of the baseline's cost; None where that is zero or not known."""
        savings = self.savings
        return float(savings / self.baseline_cost) if savings is not None and self.baseline_cost else None


_TOTALS = """
SELECT
    COUNT(*) FILTER (WHERE outcome != 'cancelled') AS requests,
    COUNT(*) FILTER (WHERE outcome = 'ok') AS succeeded,
    COUNT(*) FILTER (WHERE outcome = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE cost_nano IS NULL AND connect_s IS NOT NULL) AS unpriced,
    COALESCE(SUM(cost_nano), 0) AS cost_nano,
    COALESCE(SUM(input_tokens), 0) AS input_tokens,
    COALESCE(SUM(output_tokens), 0) AS output_tokens,
    COALESCE(MAX(estimated), 0) AS estimated
FROM attempts WHERE started_at >= ? AND task != 'probe'
"""

_P95 = """
SELECT total_s FROM attempts WHERE started_at >= ? AND task != 'probe' AND outcome = 'ok'
ORDER BY total_s LIMIT 1 OFFSET ?
"""


def midnight(now: float) -> float:
    """Unix time at which the local day of `now` began."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


async def summarize(database: Database, since: float, baseline: Price | None) -> Summary:
    """Add up the rows since a moment (Unix time).

    The 95th percentile is the nearest-rank one.
    """
    totals = (await database.read(_TOTALS, (since,)))[0]
    succeeded = int(totals["succeeded"])
    p95 = None
    if succeeded:
        rank = -(-95 * succeeded // 100)
        rows = await database.read(_P95, (since, rank - 1))
        p95 = float(rows[0]["total_s"]) if rows else None
    return Summary(
        requests=int(totals["requests"]),
        succeeded=succeeded,
        cancelled=int(totals["cancelled"]),
        p95_s=p95,
        cost=None if totals["unpriced"] else from_nano(int(totals["cost_nano"])),
        baseline_cost=None
        if baseline is None
        else baseline.cost(Usage(int(totals["input_tokens"]), int(totals["output_tokens"]))),
        estimated=bool(totals["estimated"]),
    )
