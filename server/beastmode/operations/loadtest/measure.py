"""What the requests of a load test add up to. Pure.

Coordinated omission is what makes a closed loop look better than it is: while an endpoint stalls, its callers wait and
do not ask, so that the requests which would have felt the stall are missing among the times. An open loop has them, as
long as the time of a request is counted from the moment at which it was meant to be sent. For a closed loop they are
put in afterwards, in the way of HdrHistogram (Gil Tene, `recordValueWithExpectedInterval`): an answer that took
longer than two usual ones stands for those that would have been asked meanwhile, and waited for the rest of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

QUANTILES = (0.5, 0.9, 0.95, 0.99)
Z = 1.959963984540054
"""The standard normal distribution's 97.5 % point."""
MOST_MISSING = 200_000
"""Times that are put in, at most."""
SATURATED = 0.95
"""Of the highest throughput: the fewest callers that reach it are where it saturates."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request; seconds since its step began.

    `intended_s` is when it was meant to be sent, `sent_s` when it was, `first_s` when the first text came. `error` is
    the kind of what went wrong, None for a whole answer. `estimated`: the tokens were counted by us.
    """

    intended_s: float
    sent_s: float
    first_s: float | None
    ended_s: float
    output_tokens: int = 0
    estimated: bool = False
    error: str | None = None
    message: str = ""

    @property
    def latency_s(self) -> float:
        """From when it was meant to be sent to its end."""
        return self.ended_s - self.intended_s


class Percentile(NamedTuple):
    """A quantile in seconds, and its 95 % interval; None where there are too few requests to know an end of it."""

    value: float
    low: float | None
    high: float | None


def percentile(ordered: Sequence[float], q: float) -> Percentile:
    """The quantile by nearest rank of an ascending sequence that is not empty.

    The interval is that of order statistics (the rank of a quantile is binomial, here by the normal approximation): it
    supposes nothing of how the times are distributed.
    """
    count = len(ordered)
    half = Z * sqrt(count * q * (1 - q))
    low, high = floor(count * q - half), ceil(count * q + half)
    return Percentile(
        ordered[max(ceil(q * count), 1) - 1],
        ordered[low - 1] if low >= 1 else None,
        ordered[high - 1] if high <= count else None,
    )


def uncoordinated(latencies: Sequence[float]) -> list[float]:
    """The times of a closed loop with those that its callers did not cause, ascending.

    The expected interval between two requests of a caller is the median of the times themselves, or longer where there
    would be too many of them.
    """
    ordered = sorted(latencies)
    if not ordered:
        return []
    usual = max(percentile(ordered, 0.5).value, sum(ordered) / MOST_MISSING)
    made = list(ordered)
    for latency in ordered:
        missing = latency - usual
        while usual > 0 and missing >= usual:
            made.append(missing)
            missing -= usual
    return sorted(made)


@dataclass(frozen=True, slots=True)
class Figures:
    """One step of a test.

    Attributes:
        name: `10 at once`, or `5 a second`.
        concurrency: callers; None for an open loop.
        rate: requests a second; None for a closed loop.
        requests, answered: how many were sent, and how many got a whole answer.
        seconds: from the first request to the end of the last answer.
        points: of whole answers: when each was meant to be sent, and how long it took from then, in seconds.
        first_s: how long it took to the first text, from then too, ascending.
        rates: tokens a second of each answer after its first text, ascending.
        output_tokens: of all answers.
        estimated: some tokens were counted by us.
        errors: how often each kind.
        examples: for each kind, what one of them said.
        stopped: why the step ended before its time; '' where it did not.
    """

    name: str
    concurrency: int | None
    rate: float | None
    requests: int
    answered: int
    seconds: float
    points: tuple[tuple[float, float], ...]
    first_s: tuple[float, ...]
    rates: tuple[float, ...]
    output_tokens: int
    estimated: bool
    errors: dict[str, int]
    examples: dict[str, str]
    stopped: str = ""

    @property
    def latencies_s(self) -> list[float]:
        """The times of whole answers, ascending."""
        return sorted(latency for _, latency in self.points)

    @property
    def throughput(self) -> float:
        """Whole answers a second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    @property
    def tokens_per_second(self) -> float:
        """Tokens of all answers a second."""
        return self.output_tokens / self.seconds if self.seconds > 0 else 0.0

    def corrected_s(self) -> list[float]:
        """The times with those that a closed loop omits; of an open loop, which omits none, as they are."""
        return self.latencies_s if self.rate is not None else uncoordinated(self.latencies_s)


def figures(concurrency: int | None, rate: float | None, samples: Sequence[Sample], stopped: str = "") -> Figures:
    """Add a step up; what failed counts among the errors and not among the times."""
    whole = [sample for sample in samples if sample.error is None]
    begun = [(sample, sample.first_s) for sample in whole if sample.first_s is not None]
    rates = (
        (sample.output_tokens - 1) / (sample.ended_s - first)
        for sample, first in begun
        if sample.ended_s > first and sample.output_tokens > 1
    )
    return Figures(
        name=f"{concurrency} at once" if rate is None else f"{rate:g} a second",
        concurrency=concurrency,
        rate=rate,
        requests=len(samples),
        answered=len(whole),
        seconds=max((sample.ended_s for sample in samples), default=0.0),
        points=tuple(sorted((sample.intended_s, sample.latency_s) for sample in whole)),
        first_s=tuple(sorted(first - sample.intended_s for sample, first in begun)),
        rates=tuple(sorted(rates)),
        output_tokens=sum(sample.output_tokens for sample in whole),
        estimated=any(sample.estimated for sample in whole),
        errors=dict(Counter(sample.error for sample in samples if sample.error is not None).most_common()),
        examples={sample.error: sample.message for sample in samples if sample.error is not None},
        stopped=stopped,
    )


def saturation(steps: Sequence[Figures]) -> Figures | None:
    """The step with the fewest callers that has almost the highest throughput; None where the last one still gained."""
    if len(steps) < 2:  # noqa: PLR2004 - one step shows no bend
        return None
    most = max(step.throughput for step in steps)
    found = next(step for step in steps if step.throughput >= SATURATED * most)
    return None if found is steps[-1] else found
