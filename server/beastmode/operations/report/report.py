"""The report as data: what every format shows, and the sums that its parts make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from beastmode.domain.routing import Outcome
from beastmode.domain.usage import from_nano
from beastmode.ledger.summary import summary_of
from beastmode.ledger.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from beastmode.ledger.summary import Summary
    from beastmode.operations.report.span import Span

OWN = "custom:"
"""How the ids of the user's own models begin; all others are a provider's."""


class Kind(NamedTuple):
    """What the tries that one sum is about have in common; `span` is the number of a day or of a month."""

    span: int
    model: str
    task: str
    outcome: str
    user: str


@dataclass(frozen=True, slots=True)
class Part:
    """The tries of one model, one task, one user or one day, or all of them. Money is in US dollars.

    A request counts once for every model that was asked, as everywhere in the ledger; one that was broken off while
    typing counts as cancelled and not as a request.

    Attributes:
        name: of the model, task, user or day.
        summary: requests, success, latency, and the savings with their range.
        cost: of every try whose price is known, whatever became of it.
        unpriced: tries that reached a model and whose cost nobody knows.
        own_cost, provider_cost: of `cost`, what went to the user's own models and to providers' models.
        own_unpriced: of `unpriced`, the tries of the user's own models.
        failed: how many tries failed.
        failed_cost, cancelled_cost: of `cost`, what tries without a whole answer cost.
        baseline_cost: what the answers that were used would have cost on the baseline model, as far as that is known.
        uncompared: answers for which it is not known.
    """

    name: str
    summary: Summary
    cost: Decimal
    unpriced: int
    own_cost: Decimal
    provider_cost: Decimal
    own_unpriced: int
    failed: int
    failed_cost: Decimal
    cancelled_cost: Decimal
    baseline_cost: Decimal
    uncompared: int

    def as_json(self) -> dict[str, Any]:
        """For scripts: dollars as decimal text, shares between 0 and 1, seconds."""
        kept, rates = self.summary, self.summary.savings_rates
        return {
            "name": self.name,
            "requests": kept.requests,
            "succeeded": kept.succeeded,
            "failed": self.failed,
            "cancelled": kept.cancelled,
            "from_memory": kept.cached,
            "success_rate": kept.success_rate,
            "input_tokens": kept.input_tokens,
            "output_tokens": kept.output_tokens,
            "p50_s": kept.p50_s,
            "p95_s": kept.p95_s,
            "cost": money(self.cost),
            "own_cost": money(self.own_cost),
            "provider_cost": money(self.provider_cost),
            "failed_cost": money(self.failed_cost),
            "cancelled_cost": money(self.cancelled_cost),
            "requests_without_price": self.unpriced,
            "baseline_cost": money(self.baseline_cost),
            "answers_not_compared": self.uncompared,
            "savings_low": money(kept.savings_low),
            "savings_high": money(kept.savings_high),
            "savings_rate_low": rates[0] if rates else None,
            "savings_rate_high": rates[1] if rates else None,
            "estimated": kept.estimated,
            "estimated_cost": money(kept.estimated_cost),
        }


@dataclass(frozen=True, slots=True)
class Fallback:
    """What answered in the place of the model that was selected: tries, and their dollars as far as they are known."""

    model: str
    tries: int
    cost: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class PriceUsed:
    """A price that tries of the span were counted by: dollars per million tokens, and per hour of a graphics card.

    `uses` is the number of tries; `is_baseline` says that it is what they were compared with.
    """

    model: str
    input: str
    output: str
    cache_read: str | None
    cache_write: str | None
    gpu_hour: str
    as_of: str
    source: str
    uses: int
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a span of days cost and saved.

    Attributes:
        span: the days.
        is_over: whether they have all passed.
        baseline: the model that savings are measured against.
        total: everything, tests of models included.
        before: the total of the days before; None where nothing is known of them.
        models, tasks, users: by name, what costs most first.
        periods: the days, or the months where the span is long; only those on which there was something.
        fallbacks: what stepped in, what costs most first.
        prices: by model and date.
        removed: how many tries have no row any more (`ledger.keep_days`): they are in all sums, but neither in
            `fallbacks` nor in `prices`.
    """

    span: Span
    is_over: bool
    baseline: str
    total: Part
    before: Part | None
    models: tuple[Part, ...]
    tasks: tuple[Part, ...]
    users: tuple[Part, ...]
    periods: tuple[Part, ...]
    fallbacks: tuple[Fallback, ...]
    prices: tuple[PriceUsed, ...]
    removed: int = 0

    @property
    def is_by_month(self) -> bool:
        """Whether the periods are months."""
        return any(len(part.name) == len("2026-01") for part in self.periods)

    def as_json(self) -> dict[str, Any]:
        """For scripts; see docs/report.md."""
        return {
            "version": 1,
            "name": self.span.name,
            "from": self.span.first.isoformat(),
            "to_before": self.span.end.isoformat(),
            "time_zone": self.span.zone_name,
            "is_over": self.is_over,
            "currency": "USD",
            "baseline": self.baseline,
            "total": self.total.as_json(),
            "before": None if self.before is None else self.before.as_json(),
            "models": [part.as_json() for part in self.models],
            "tasks": [part.as_json() for part in self.tasks],
            "users": [part.as_json() for part in self.users],
            "periods": [part.as_json() for part in self.periods],
            "fallbacks": [
                {
                    "model": each.model,
                    "tries": each.tries,
                    "cost": money(each.cost),
                    "requests_without_price": each.unpriced,
                }
                for each in self.fallbacks
            ],
            "prices": [{name: getattr(each, name) for name in PriceUsed.__slots__} for each in self.prices],
            "requests_not_kept": self.removed,
        }


def part_of(name: str, found: Iterable[tuple[Kind, Totals]]) -> Part:
    """One part, from the sums of the tries that belong to it."""
    by_outcome: dict[str, Totals] = {}
    own = provider = own_unpriced = 0
    for kind, totals in found:
        by_outcome.setdefault(kind.outcome, Totals()).absorb(totals)
        if kind.model.startswith(OWN):
            own += totals["cost_nano"]
            own_unpriced += totals["unpriced"]
        else:
            provider += totals["cost_nano"]
    nothing = Totals()
    answered = by_outcome.get(Outcome.OK, nothing)
    failed = by_outcome.get(Outcome.FAILED, nothing)
    return Part(
        name=name,
        summary=summary_of(by_outcome),
        cost=from_nano(own + provider),
        unpriced=sum(totals["unpriced"] for totals in by_outcome.values()),
        own_cost=from_nano(own),
        provider_cost=from_nano(provider),
        own_unpriced=own_unpriced,
        failed=failed["attempts"],
        failed_cost=from_nano(failed["cost_nano"]),
        cancelled_cost=from_nano(by_outcome.get(Outcome.CANCELLED, nothing)["cost_nano"]),
        baseline_cost=from_nano(answered["baseline_cost_nano"]),
        uncompared=answered["uncompared"],
    )


def money(dollars: Decimal | None) -> str | None:
    """Dollars as decimal text, without an exponent."""
    return None if dollars is None else f"{dollars:f}"
