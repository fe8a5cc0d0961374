"""What a load test found: kept as JSON, and compared with an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from beastmode.domain.errors import UserError
from beastmode.operations.loadtest.measure import QUANTILES, Figures, percentile, saturation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.operations.loadtest.load import Load
    from beastmode.operations.loadtest.measure import Percentile

VERSION = 1
MICRO = 6
"""Decimals of a second that are kept."""
_ASKED = ("prompt_tokens", "max_tokens")
"""What makes two tests comparable, besides the model."""


@dataclass(frozen=True, slots=True)
class Result:
    """A test of one model.

    Attributes:
        model, origin: who was asked, and where.
        started_at: ISO 8601 in UTC.
        asked: what was sent, by the names of `Load`.
        steps: one for each number of callers, or for the rate.
        cost: dollars as text, as far as known; None where no price is.
    """

    model: str
    origin: str
    started_at: str
    asked: Mapping[str, Any]
    steps: tuple[Figures, ...]
    cost: str | None

    @property
    def answered(self) -> int:
        """Whole answers in all."""
        return sum(step.answered for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """For scripts, and for a later comparison: seconds, and every answer's time."""
        bend = saturation(self.steps)
        return {
            "version": VERSION,
            "model": self.model,
            "origin": self.origin,
            "started_at": self.started_at,
            "asked": dict(self.asked),
            "cost": self.cost,
            "saturates_at": None if bend is None else bend.concurrency,
            "steps": [_step_as_json(step) for step in self.steps],
        }


def asked_of(load: Load) -> dict[str, Any]:
    """What was sent, for the file."""
    told = {name: getattr(load, name) for name in load.__slots__}
    return told | {"concurrency": list(load.concurrency)}


def result_of(told: Any, name: str) -> Result:
    """A test that was kept as JSON.

    Raises:
        UserError: the file of that name holds something else.
    """
    try:
        if told["version"] != VERSION:
            raise UserError(f"{name} was written by another version", "Run that test again")
        steps = tuple(
            Figures(
                **{field: step[field] for field in Figures.__slots__ if field not in {"points", "first_s", "rates"}},
                points=tuple((float(at), float(took)) for at, took in step["points"]),
                first_s=tuple(map(float, step["first_s"])),
                rates=tuple(map(float, step["rates"])),
            )
            for step in told["steps"]
        )
        return Result(told["model"], told["origin"], told["started_at"], dict(told["asked"]), steps, told["cost"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{name} is no load test of ours ({error})", "Name a file that --output has written") from None


def _step_as_json(step: Figures) -> dict[str, Any]:
    told: dict[str, Any] = {field: getattr(step, field) for field in Figures.__slots__}
    return {
        **told,
        "points": [(round(at, MICRO), round(took, MICRO)) for at, took in step.points],
        "first_s": [round(each, MICRO) for each in step.first_s],
        "rates": [round(each, 2) for each in step.rates],
        "throughput": step.throughput,
        "tokens_per_second": step.tokens_per_second,
        "latency": _percentiles(step.latencies_s),
        "latency_corrected": _percentiles(step.corrected_s()),
        "first_token": _percentiles(step.first_s),
    }


def _percentiles(ordered: Sequence[float]) -> dict[str, dict[str, float | None]] | None:
    if not ordered:
        return None
    return {f"p{q * 100:g}": percentile(ordered, q)._asdict() for q in QUANTILES}


class Change(NamedTuple):
    """A figure of a step, before and now; `is_sure` where the two intervals have nothing in common."""

    step: str
    what: str
    before: Percentile
    now: Percentile

    @property
    def is_sure(self) -> bool:
        """Whether it is more than chance."""
        before, now = self.before, self.now
        slower = before.high is not None and now.low is not None and now.low > before.high
        faster = before.low is not None and now.high is not None and now.high < before.low
        return slower or faster


def compare(before: Result, now: Result) -> list[Change]:
    """The percentiles of the steps that both have, before and now.

    Raises:
        UserError: they have none in common, or asked for something else.
    """
    for name in _ASKED:
        if before.asked.get(name) != now.asked.get(name):
            raise UserError(
                f"The tests cannot be compared: {name} was {before.asked.get(name)} and is {now.asked.get(name)}",
                f"Repeat with --{name.replace('_', '-')} {before.asked.get(name)}",
            )
    earlier = {step.name: step for step in before.steps if step.answered}
    changes = []
    for step in now.steps:
        if step.name not in earlier or not step.answered:
            continue
        for what, then, after in (
            ("latency", earlier[step.name].latencies_s, step.latencies_s),
            ("first text", earlier[step.name].first_s, step.first_s),
        ):
            if then and after:
                changes += [
                    Change(step.name, f"{what} p{q * 100:g}", percentile(then, q), percentile(after, q))
                    for q in QUANTILES
                ]
    if not changes:
        raise UserError(
            "The tests have no step in common", f"That one was at {', '.join(earlier) or 'nothing that was answered'}"
        )
    return changes
