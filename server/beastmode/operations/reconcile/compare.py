"""The ledger beside a bill, by UTC day and model, with the reason for every difference. Pure, but for `read_ours`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from beastmode.domain.usage import from_nano
from beastmode.ledger.summary import FEWEST, MOST
from beastmode.operations.reconcile.bill import EVERY, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.operations.reconcile.bill import Bill, Billed
    from beastmode.store import Database

A_DAY = 86_400
NEAR = Decimal("0.005")
"""The share by which two sums that mean the same may differ."""
SAME_RATIO = Decimal("1.02")
"""How much the ratio of two prices may vary from day to day."""
FEWEST_DAYS = 2
"""From which on a ratio says something."""

_OURS = """SELECT hour / 86400 AS day, model, SUM(attempts) AS requests, SUM(tokens_cost_nano) AS cost_nano,
        SUM(estimated_cost_nano) AS estimated_nano, SUM(estimated) AS estimated, SUM(unpriced) AS unpriced,
        SUM(input_tokens) AS input_tokens, SUM(output_tokens) AS output_tokens
    FROM rollups WHERE hour >= ? AND hour < ? GROUP BY hour / 86400, model"""


class Cause(StrEnum):
    """Why two sums differ."""

    AGREES = "agrees"
    NOT_HERE = "missing here"
    NOT_THERE = "missing there"
    PRICE = "price differs"
    ESTIMATED = "tokens estimated here"
    UNPRICED = "no price here"
    MORE_THERE = "more there"
    MORE_HERE = "more here"


@dataclass(slots=True)
class Ours:
    """What the ledger has for a UTC day and a model: dollars by the token, and what of them is uncertain."""

    requests: int = 0
    cost: Decimal = Decimal(0)
    estimated_cost: Decimal = Decimal(0)
    estimated: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.input_tokens + self.output_tokens


class Door(NamedTuple):
    """What a bill calls a model of ours, and who bills it: a provider's id, '' for nobody that is known."""

    name: str
    provider: str


@dataclass(frozen=True, slots=True)
class Line:
    """One day of one model: dollars here and there (None where the bill has only tokens), tokens, and the reason."""

    day: date
    model: str
    ours: Decimal
    theirs: Decimal | None
    our_tokens: int
    their_tokens: int | None
    cause: Cause
    why: str

    @property
    def difference(self) -> Decimal:
        """Dollars that the bill has more."""
        return Decimal(0) if self.theirs is None else self.theirs - self.ours


@dataclass(frozen=True, slots=True)
class Comparison:
    """All lines, oldest first; `title` names the kind of bill."""

    title: str
    lines: tuple[Line, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs by more than rounding."""
        return all(line.cause is Cause.AGREES for line in self.lines)

    def sums(self) -> dict[Cause, tuple[int, Decimal]]:
        """How many lines each cause has, and how many dollars; the dollars add up to the whole difference."""
        found: dict[Cause, tuple[int, Decimal]] = {}
        for line in self.lines:
            count, dollars = found.get(line.cause, (0, Decimal(0)))
            found[line.cause] = (count + 1, dollars + line.difference)
        return found

    def as_json(self) -> dict[str, Any]:
        """For scripts: dollars as decimal text."""
        return {
            "version": 1,
            "bill": self.title,
            "agrees": self.agrees,
            "difference": f"{sum((line.difference for line in self.lines), Decimal(0)):f}",
            "causes": {
                cause: {"lines": count, "dollars": f"{dollars:f}"} for cause, (count, dollars) in self.sums().items()
            },
            "lines": [
                {
                    "date": line.day.isoformat(),
                    "model": line.model,
                    "here": f"{line.ours:f}",
                    "there": None if line.theirs is None else f"{line.theirs:f}",
                    "tokens_here": line.our_tokens,
                    "tokens_there": line.their_tokens,
                    "cause": line.cause,
                    "why": line.why,
                }
                for line in self.lines
            ],
        }


async def read_ours(
    database: Database, bill: Bill, first: date, last: date, door: Callable[[str], Door]
) -> dict[tuple[date, str], Ours]:
    """The ledger's sums of the models that this bill is about, both days included.

    Args:
        database: of the ledger.
        bill: whose provider, or else whose names, say which models.
        first: UTC day.
        last: UTC day.
        door: what a bill calls the model of an id, and who bills it.
    """
    since = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    until = int(datetime(last.year, last.month, last.day, tzinfo=UTC).timestamp()) + A_DAY
    rows = await database.read(_OURS, (since, until))
    named = {name for _, name in bill.lines}
    doors = {row["model"]: door(row["model"]) for row in rows}
    providers = {each.provider for each in doors.values() if plain_name(each.name) in named} - {""}
    if bill.shape.provider:
        providers = {bill.shape.provider}
    ours: dict[tuple[date, str], Ours] = {}
    for row in rows:
        name, provider = doors[row["model"]]
        if provider not in providers and (bill.shape.provider or plain_name(name) not in named):
            continue
        day = date(1970, 1, 1) + timedelta(days=int(row["day"]))
        found = ours.setdefault((day, EVERY if named == {EVERY} else plain_name(name)), Ours())
        found.requests += row["requests"]
        found.cost += from_nano(row["cost_nano"])
        found.estimated_cost += from_nano(row["estimated_nano"])
        found.estimated += row["estimated"]
        found.unpriced += row["unpriced"]
        found.input_tokens += row["input_tokens"]
        found.output_tokens += row["output_tokens"]
    return ours


def compare(bill: Bill, ours: Mapping[tuple[date, str], Ours], first: date, last: date) -> Comparison:
    """Every day and model of either side between two days, both included, with the reason where they differ."""
    theirs = {key: billed for key, billed in bill.lines.items() if first <= key[0] <= last}
    ratios = _ratios(theirs, ours)
    lines = []
    for key in sorted({*theirs, *ours}):
        here, there = ours.get(key), theirs.get(key)
        if there is None and here is not None and not here.cost and not here.tokens:
            continue
        lines.append(_line(*key, here, there, ratios.get(key[1], ())))
    return Comparison(bill.shape.title, tuple(lines))


def _line(day: date, model: str, here: Ours | None, there: Billed | None, ratios: Sequence[Decimal]) -> Line:
    if there is None:
        assert here is not None, "a line has at least one side"  # noqa: S101 - for the type checker
        why = "The bill may not have it yet, or it was made with another account's key."
        return Line(day, model, here.cost, Decimal(0), here.tokens, None, Cause.NOT_THERE, why)
    tokens = None if there.input_tokens is None else there.input_tokens + (there.output_tokens or 0)
    if here is None:
        cause, why = Cause.NOT_HERE, "Another program, or another machine, used the account."
        here = Ours()
    elif there.cost is None:
        cause, why = _by_tokens(here, tokens or 0)
    else:
        cause, why = _by_cost(here, there, there.cost, tokens, ratios)
    return Line(day, model, here.cost, there.cost, here.tokens, tokens, cause, why)


def _by_tokens(here: Ours, tokens: int) -> tuple[Cause, str]:
    if _near(Decimal(here.tokens), Decimal(tokens)):
        return Cause.AGREES, ""
    if here.estimated:
        return Cause.ESTIMATED, f"{here.estimated} of {here.requests} requests did not report their tokens."
    return _more(tokens - here.tokens)


def _by_cost(
    here: Ours, there: Billed, cost: Decimal, tokens: int | None, ratios: Sequence[Decimal]
) -> tuple[Cause, str]:
    difference = cost - here.cost
    if abs(difference) <= there.rounded or _near(here.cost, cost):
        return Cause.AGREES, ""
    if here.unpriced and difference > 0:
        return Cause.UNPRICED, f"{here.unpriced} of {here.requests} requests have no price here."
    low, high = here.estimated_cost * (FEWEST - 1), here.estimated_cost * (MOST - 1)
    if here.estimated and low <= difference <= high:
        return Cause.ESTIMATED, f"{here.estimated} of {here.requests} requests did not report their tokens."
    if tokens is not None and not here.estimated and not _near(Decimal(here.tokens), Decimal(tokens)):
        return _more(tokens - here.tokens)
    steady = len(ratios) >= FEWEST_DAYS and max(ratios) <= min(ratios) * SAME_RATIO
    if tokens is not None or steady:
        times = cost / here.cost if here.cost else Decimal(0)
        return Cause.PRICE, f"For the same tokens the bill has {times:.2f} times what is counted here."
    more = "requests are missing here" if difference > 0 else "requests are missing on the bill"
    why = f"Either {more}, or the price differs; an export with tokens would tell."
    return (Cause.MORE_THERE if difference > 0 else Cause.MORE_HERE), why


def _more(tokens: int) -> tuple[Cause, str]:
    if tokens > 0:
        return Cause.MORE_THERE, f"{tokens:,} tokens are missing here: another program, or another machine, used them."
    return Cause.MORE_HERE, f"{-tokens:,} tokens are missing on the bill: it may be late, or they were not charged."


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= NEAR * max(abs(one), abs(other))


def _ratios(
    theirs: Mapping[tuple[date, str], Billed], ours: Mapping[tuple[date, str], Ours]
) -> dict[str, list[Decimal]]:
    """What each model costs there for a dollar here, day by day, where both sides have something that is certain."""
    found: dict[str, list[Decimal]] = {}
    for (day, model), billed in theirs.items():
        here = ours.get((day, model))
        if here is not None and here.cost and billed.cost and not here.unpriced and not here.estimated:
            found.setdefault(model, []).append(billed.cost / here.cost)
    return found
