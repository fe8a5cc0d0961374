"""One picture of how things are: the model, its health, today's figures, and what the user should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Health
    from beastmode.ledger.feedback import Acceptance
    from beastmode.ledger.summary import Summary
    from beastmode.ledger.tally import Silence


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know: what, what to do about it, and the command that does it where there is one."""

    text: str
    fix: str = ""
    command: str | None = None


CENTS, FINE = 2, 4
"""Places of a dollar."""
NORMAL = "superseded"
"""What every key does to the request of the key before: no fault, so it is told apart."""
MOST_REASONS = 4


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the product at one moment; `today`, `acceptance` and `silence` are since local midnight.

    `indexes` says of each workspace folder what its search index is doing; `undelivered` counts alerts.
    """

    activity: Literal["loading", "working", "idle"]
    model: ModelSpec | None
    health: Health
    today: Summary
    notice: Notice | None
    key_source: str
    acceptance: Acceptance | None = None
    silence: Silence | None = None
    indexes: tuple[str, ...] = ()
    undelivered: int = 0


def percent(rate: float | None) -> str | None:
    """`0.96` -> `96.00%`."""
    return None if rate is None else f"{rate * 100:.2f}%"


def milliseconds(seconds: float | None) -> str | None:
    """`0.45023` -> `450.23ms`."""
    return None if seconds is None else f"{seconds * 1000:.2f}ms"


def dollars(amount: Decimal | None) -> str | None:
    """`Decimal("1.25")` -> `$1.25`; under a dollar four places, or as many as show the first digit that is not zero."""
    if amount is None:
        return None
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    places = CENTS if amount == 0 or round(amount, FINE) >= 1 else max(FINE, -amount.adjusted())
    return f"{sign}${amount:.{places}f}"


def savings(today: Summary) -> str | None:
    """`$1.25`, or `$1.10 to $1.60` where tokens were estimated; None where a price is missing."""
    return _between(dollars(today.savings_low), dollars(today.savings_high))


def savings_percent(today: Summary) -> str | None:
    """The same as a share of the baseline's cost; None where that is zero or not known."""
    low, high = today.savings_rates or (None, None)
    return _between(percent(low), percent(high))


def _between(low: str | None, high: str | None) -> str | None:
    return low if low == high else f"{low} to {high}"


def lines(status: Status) -> list[str]:
    """The status as sentences for a person, one a line."""
    model, today = status.model, status.today
    about = (" (estimated)" if today.estimated else "") if today.requests else ""
    said = [
        f"Model: {model.name} ({model.id})" if model else "Model: none selected",
        f"Health: {status.health.level}" + "".join(f"; {issue}" for issue in status.health.issues),
        f"Today: {today.requests} requests, {today.cancelled} more superseded while typing",
        f"Success rate: {percent(today.success_rate) or 'no request yet'}",
        f"Latency p95: {milliseconds(today.p95_s) or 'no request yet'}",
        f"Cost: {dollars(today.cost) or 'unknown, a model has no price'}{about}",
        _savings(today),
        f"Keys are sealed with {status.key_source}",
    ]
    said += [
        line for line in (_suggestions(status.acceptance), _silence(status.silence), _memory(status.silence)) if line
    ]
    if today.cached:
        said.append(f"Answered from memory: {today.cached}")
    if today.masked:
        said.append(f"Secrets kept on this machine: {today.masked}")
    if status.undelivered:
        said.append(undelivered_line(status.undelivered))
    said += [f"Search index of {index}" for index in status.indexes]
    if status.notice is not None:
        said.append(f"{status.notice.text}. {status.notice.fix}".rstrip())
    return said


def undelivered_line(count: int) -> str:
    """What is said wherever somebody looks, as long as an alert has not arrived."""
    return f"{count} alert{'s' if count > 1 else ''} could not be delivered; `beastmode alerts history` says why"


def _savings(today: Summary) -> str:
    saved, rate = savings(today), savings_percent(today)
    if saved is None:
        return "Savings: unknown, a price is missing"
    return f"Savings: {saved}" + (f" ({rate} of the baseline's cost)" if rate else "")


def whole_percent(rate: float | None) -> str | None:
    """`0.31` -> `31 %`."""
    return None if rate is None else f"{rate:.0%}".replace("%", " %")


def _suggestions(today: Acceptance | None) -> str:
    """`Suggestions today: 120 shown, 31 % used, of which 84 % still there after 5 min`."""
    if today is None or not today.shown:
        return ""
    used, kept = whole_percent(today.rate), whole_percent(today.kept_5min)
    return f"Suggestions today: {today.shown} shown, {used} used" + (
        f", of which {kept} still there after 5 min" if kept else ""
    )


def _silence(today: Silence | None) -> str:
    """`No suggestion: 12 filter: scope, 3 no model; 40 superseded while typing`."""
    if today is None:
        return ""
    reasons = {reason: count for reason, count in today.reasons.items() if reason != NORMAL}
    told = [f"{count} {reason}" for reason, count in reasons.items()]
    if len(told) > MOST_REASONS:
        told[MOST_REASONS:] = [f"{sum(list(reasons.values())[MOST_REASONS:])} for other reasons"]
    superseded = today.reasons.get(NORMAL)
    parts = [", ".join(told)] if told else []
    parts += [f"{superseded} superseded while typing"] if superseded else []
    return f"No suggestion: {'; '.join(parts)}" if parts else ""


def _memory(today: Silence | None) -> str:
    """`From memory: 62 % of 200 looks`."""
    rate = whole_percent(today.hit_rate) if today else None
    return f"Suggestions from memory, no model asked: {rate} of {today.hits + today.misses}" if today and rate else ""
