"""A load test in words and tables, the same in the terminal and on the page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.operations.loadtest.measure import QUANTILES, percentile, saturation
from beastmode.operations.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.operations.loadtest.measure import Figures, Percentile
    from beastmode.operations.loadtest.result import Change, Result


def headline(result: Result) -> list[str]:
    """What was found, in sentences."""
    sent = sum(step.requests for step in result.steps)
    said = [f"{result.model} at {result.origin} answered {result.answered:,} of {sent:,} requests."]
    bend = saturation(result.steps)
    if bend is not None:
        said.append(
            f"It saturates with {bend.name}, at {bend.throughput:.1f} answers a second: more callers only wait longer."
        )
    elif len(result.steps) > 1:
        said.append("It is not saturated by as many callers as there were: the last step still gained.")
    examples = {kind: message for step in result.steps for kind, message in step.examples.items()}
    said += [f"{kind}: {message}." for kind, message in examples.items()]
    said += [f"The step with {step.name} was stopped: {step.stopped}." for step in result.steps if step.stopped]
    if result.cost not in {None, "0"}:
        said.append(f"It cost ${result.cost}.")
    return said


def notes(result: Result) -> list[str]:
    """How the times were taken."""
    said = ["Times are those of whole answers, in milliseconds; in brackets, their 95 % interval."]
    if any(step.rate is None for step in result.steps):
        said.append(
            "Callers that wait for their answers ask less while the endpoint stalls, so their own times hide what"
            " others would have felt. Rows marked as corrected have the requests that were not sent meanwhile; --rate"
            " measures it."
        )
    else:
        said.append("Times count from the moment at which a request was meant to be sent.")
    if any(step.estimated for step in result.steps):
        said.append("~ stands before tokens that were counted here: the endpoint does not report them.")
    return said


def latencies(result: Result) -> Table:
    """Percentiles, step by step: of whole answers, corrected where that makes a difference, and of the first text."""
    rows = []
    for step in result.steps:
        rows.append((f"{step.name}, whole answer", *_row(step.latencies_s)))
        corrected = step.corrected_s()
        if len(corrected) > step.answered:
            rows.append((f"{step.name}, corrected", *_row(corrected)))
        rows.append((f"{step.name}, first text", *_row(step.first_s)))
    return Table(("", *(f"p{q * 100:g}" for q in QUANTILES), "longest"), tuple(rows))


def rates(result: Result) -> Table:
    """Throughput and errors, step by step."""
    columns = ("", "requests", "answered", "seconds", "answers/s", "tokens/s", "tokens/s of one", "errors")
    return Table(columns, tuple(map(_rate, result.steps)))


def changes(found: Sequence[Change]) -> Table:
    """This test beside an earlier one."""
    return Table(("step", "", "before", "now", "change", ""), tuple(map(_change, found)))


def _rate(step: Figures) -> tuple[str, ...]:
    mark = "~" if step.estimated else ""
    return (
        step.name,
        f"{step.requests:,}",
        f"{step.answered:,}",
        f"{step.seconds:.1f}",
        f"{step.throughput:.2f}",
        f"{mark}{step.tokens_per_second:.1f}",
        f"{mark}{percentile(step.rates, 0.5).value:.1f}" if step.rates else "-",
        ", ".join(f"{count} {kind}" for kind, count in step.errors.items()) or "none",
    )


def _row(ordered: Sequence[float]) -> tuple[str, ...]:
    if not ordered:
        return ("-",) * (len(QUANTILES) + 1)
    return (*(_told(percentile(ordered, q)) for q in QUANTILES), _ms(ordered[-1]))


def _told(found: Percentile) -> str:
    if found.low is None or found.high is None:
        return _ms(found.value)
    return f"{_ms(found.value)} ({_ms(found.low)}-{_ms(found.high)})"


def _change(each: Change) -> tuple[str, ...]:
    by = (each.now.value - each.before.value) / each.before.value * 100 if each.before.value else 0.0
    sure = "beyond chance" if each.is_sure else "may be chance"
    return each.step, each.what, _told(each.before), _told(each.now), f"{by:+.0f} %", sure


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}" if seconds >= 0.1 else f"{seconds * 1000:.1f}"  # noqa: PLR2004 - so short that a decimal matters
