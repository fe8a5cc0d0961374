"""What the tries of a span of time add up to, in the words of people: requests, success, latency, cost, savings."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import from_nano
from beastmode.ledger.days import FOREVER
from beastmode.ledger.totals import Totals, fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.store import Database

FEWEST, MOST = Decimal("0.7"), Decimal("1.75")
"""What a token that we counted may stand for: we count 3.5 characters of code as one, and tokenizers take 2 to 5."""

NOTHING = Decimal(0)


class Range(NamedTuple):
    """Between two numbers; they are equal where it is known exactly."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """Tries that ended by themselves (a keystroke that broke one off is counted apart), their times and their money.

    The baseline is charged with the answers that were given and with nothing else, of suggestions with the share of the
    text that was used, while every try counts among the costs, also one that failed, was broken off or was looked at in
    vain: savings are never overstated.

    Attributes:
        requests: how many ended by themselves.
        succeeded: how many of those with a whole answer.
        cancelled: how many the caller broke off.
        accepted: of how many suggestions the user took something.
        cached: how many of the answers came from memory.
        masked: secrets that were kept from endpoints.
        input_tokens, output_tokens: of all tries.
        p50_s, p95_s, p99_s: seconds of the median and of the 95th and 99th percentiles among those that succeeded, to
            within 1 %; None where there are none.
        average_s: the same for their average.
        first_token_p95_s: the same for the time to the first text.
        cost: dollars, None where a price is missing.
        baseline_cost: dollars that the tokens of what was used cost on the baseline model; None where that is unknown.
        known_cost: dollars of the tries whose price is known.
        unpriced: how many tries reached a model and have no known price.
        estimated: some tokens were counted by us.
        estimated_cost, estimated_baseline: dollars of `cost` and `baseline_cost` that stand on such a count.
    """

    requests: int = 0
    succeeded: int = 0
    cancelled: int = 0
    accepted: int = 0
    cached: int = 0
    masked: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    average_s: float | None = None
    first_token_p95_s: float | None = None
    cost: Decimal | None = NOTHING
    baseline_cost: Decimal | None = NOTHING
    known_cost: Decimal = NOTHING
    unpriced: int = 0
    estimated: bool = False
    estimated_cost: Decimal = NOTHING
    estimated_baseline: Decimal = NOTHING

    @property
    def success_rate(self) -> float | None:
        """Between 0 and 1; None before the first request."""
        return self.succeeded / self.requests if self.requests else None

    @property
    def savings(self) -> Decimal | None:
        """Dollars kept; None where either cost is not known, or only as a range."""
        kept = self._kept()
        return kept.low if kept is not None and kept.low == kept.high else None

    @property
    def savings_low(self) -> Decimal | None:
        """Dollars kept at least; None where a price is missing."""
        kept = self._kept()
        return None if kept is None else kept.low

    @property
    def savings_high(self) -> Decimal | None:
        """Dollars kept at most; None where a price is missing."""
        kept = self._kept()
        return None if kept is None else kept.high

    @property
    def savings_rates(self) -> tuple[float, float] | None:
        """What share of the baseline's cost was kept, at least and at most; None where it is zero or not known."""
        paid, compared = _between(self.cost, self.estimated_cost), _between(self.baseline_cost, self.estimated_baseline)
        if paid is None or compared is None or compared.low <= 0:
            return None
        return float(1 - paid.high / compared.low), float(1 - paid.low / compared.high)

    def _kept(self) -> Range | None:
        paid, compared = _between(self.cost, self.estimated_cost), _between(self.baseline_cost, self.estimated_baseline)
        return None if paid is None or compared is None else Range(compared.low - paid.high, compared.high - paid.low)


def _between(dollars: Decimal | None, estimated: Decimal) -> Range | None:
    if dollars is None:
        return None
    return Range(dollars - estimated * (1 - FEWEST), dollars + estimated * (MOST - 1))


def summary_of(parts: Mapping[str, Totals]) -> Summary:
    """The summary of totals by outcome."""
    every, answers = Totals(), parts.get(Outcome.OK, Totals())
    for totals in parts.values():
        every.absorb(totals)
    cancelled = parts.get(Outcome.CANCELLED, Totals())["attempts"]
    return Summary(
        requests=every["attempts"] - cancelled,
        succeeded=answers["attempts"],
        cancelled=cancelled,
        accepted=answers["accepted"],
        cached=answers["cached"],
        masked=every["masked"],
        input_tokens=every["input_tokens"],
        output_tokens=every["output_tokens"],
        p50_s=answers.total.quantile(0.5),
        p95_s=answers.total.quantile(0.95),
        p99_s=answers.total.quantile(0.99),
        average_s=answers.total.mean(),
        first_token_p95_s=answers.first_token.quantile(0.95),
        cost=None if every["unpriced"] else from_nano(every["cost_nano"]),
        baseline_cost=None if answers["uncompared"] else from_nano(answers["baseline_cost_nano"]),
        known_cost=from_nano(every["cost_nano"]),
        unpriced=every["unpriced"],
        estimated=every["estimated"] > 0,
        estimated_cost=from_nano(every["estimated_cost_nano"]),
        estimated_baseline=from_nano(answers["estimated_baseline_nano"]),
    )


async def summarize(database: Database, since: float, until: float = FOREVER) -> Summary:
    """Add up a span (Unix time), tests of a model left out; costs the same whatever the number of rows."""

    def key(_span: int, _model: str, task: str, outcome: str, _user: str) -> str | None:
        return None if task == Task.PROBE else outcome

    return summary_of(await database.query(lambda connection: fold(connection, (since, until), key)))
