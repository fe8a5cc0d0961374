"""What may be watched: one row a kind of rule, and a rule as the user wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import UserError
from beastmode.domain.routing import HealthLevel
from beastmode.operations.durations import duration, read_duration
from beastmode.operations.status import dollars, percent
from beastmode.router.health import WORSE

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PERCENT = 100
_LEVELS = {level.value: float(WORSE[level]) for level in (HealthLevel.DEGRADED, HealthLevel.UNHEALTHY)}


class Kind(NamedTuple):
    """A kind of rule.

    Attributes:
        help: what it watches, for a person.
        limit: the usual one, as a person writes it; '' where there is none.
        read: a written limit as a number; raises UserError.
        show: the number as a sentence of the rule.
        window: the usual time that is looked at; '' where the kind itself says it.
        per_model: whether it can watch a single model.
    """

    help: str
    limit: str
    read: Callable[[str], float]
    show: Callable[[float], str]
    window: str = ""
    per_model: bool = False


def _percent(text: str) -> float:
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 < number <= MOST_PERCENT:
        raise UserError(f"--limit {text} is no percentage", "Write it as 90%")
    return number / MOST_PERCENT


def _dollars(text: str) -> float:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0:
        raise UserError(f"--limit {text} is no amount of money", "Write US dollars, such as 10 or 2.50")
    return float(amount)


def _level(text: str) -> float:
    if text not in _LEVELS:
        raise UserError(f"--limit {text} is no level of health", f"Write {' or '.join(_LEVELS)}")
    return _LEVELS[text]


def _level_name(limit: float) -> str:
    return "is unhealthy" if limit == _LEVELS["unhealthy"] else "is degraded or unhealthy"


def _none(text: str) -> float:
    if text:
        raise UserError("This kind of rule has no limit", "Leave --limit out")
    return 0.0


def _money(limit: float) -> str:
    return dollars(Decimal(str(limit))) or ""


KINDS: dict[str, Kind] = {
    "health": Kind("a model's health level", "degraded", _level, _level_name, per_model=True),
    "success-rate": Kind(
        "the share of requests that succeed",
        "90%",
        _percent,
        lambda limit: f"is below {percent(limit)}",
        window="15m",
        per_model=True,
    ),
    "p95": Kind(
        "the latency that 95 % of the answers stay under",
        "5s",
        lambda text: read_duration("--limit", text),
        lambda limit: f"is above {duration(limit)}",
        window="15m",
        per_model=True,
    ),
    "spend-day": Kind("what was spent today", "5", _dollars, lambda limit: f"has reached {_money(limit)}"),
    "spend-month": Kind("what was spent this month", "50", _dollars, lambda limit: f"has reached {_money(limit)}"),
    "cap": Kind(
        "how much of a spending cap is used up", "90%", _percent, lambda limit: f"has reached {percent(limit)}"
    ),
    "key": Kind("API keys that are refused", "", _none, lambda _limit: "is refused", window="1h", per_model=True),
}
"""By the name that `beastmode alerts add` takes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: unique.
        kind: of KINDS.
        limit: a number in the kind's own unit: a share of 1, seconds, dollars, the rank of a level.
        model: the only model that is watched; '' for all together, or each of them.
        window_s: the time that is looked at.
        for_s: how long it must be bad without a break before that is told.
        cooldown_s: how long nothing more is told after that, were it to come again.
        recovery: whether its end is told as well.
        targets: who is told; empty: everybody.
    """

    name: str
    kind: str
    limit: float
    model: str = ""
    window_s: float = 900.0
    for_s: float = 0.0
    cooldown_s: float = 3600.0
    recovery: bool = True
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`the share of requests that succeed of custom:m is below 90.00%, over 15 min, for 5 min`."""
        kind = KINDS[self.kind]
        parts = [f"{kind.help}{f' of {self.model}' if self.model else ''} {kind.show(self.limit)}"]
        parts += [f"over {duration(self.window_s)}"] if kind.window else []
        parts += [f"for {duration(self.for_s)}"] if self.for_s else []
        return ", ".join(parts)


def parse_rule(
    kind: str,
    *,
    name: str = "",
    limit: str = "",
    model: str = "",
    window: str = "",
    lasting: str = "",
    cooldown: str = "",
    recovery: bool = True,
    targets: tuple[str, ...] = (),
) -> Rule:
    """A rule from what a person wrote; empty texts leave it as is usual.

    Raises:
        UserError: with what is wrong.
    """
    row = KINDS.get(kind)
    if row is None:
        raise UserError(f"There is no kind of rule called {kind}", f"Choose one of {', '.join(KINDS)}")
    if model and not row.per_model:
        raise UserError(f"{kind} is about all models together", "Leave --model out")
    if window and not row.window:
        raise UserError(f"{kind} has its own time", "Leave --window out")
    return Rule(
        name=name or (f"{kind}-{model}" if model else kind),
        kind=kind,
        limit=row.read(limit or row.limit),
        model=model,
        window_s=read_duration("--window", window or row.window or "15m"),
        for_s=read_duration("--for", lasting or "0s"),
        cooldown_s=read_duration("--cooldown", cooldown or "1h"),
        recovery=recovery,
        targets=targets,
    )
