"""A report in words and tables, the same in every format that people read. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.request import Task
from beastmode.operations.status import dollars, milliseconds, percent, savings, savings_percent
from beastmode.operations.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.operations.report.report import Part, PriceUsed, Report

UNKNOWN = "unknown"
LESS = ("tokens out", "tokens in", "p95", "cache write", "cache read", "success", "per hour")
"""Columns that a narrow terminal can do without, in this order."""
NOBODY = "(owner)"
"""How the person is called whose machine it is."""


class Section(NamedTuple):
    """A heading, what is to be known of it, and a table."""

    title: str
    text: str
    table: Table


def title(report: Report) -> str:
    """The heading of the whole."""
    return f"Cost report, {report.span.name}" + ("" if report.is_over else " (so far)")


def headline(report: Report) -> str:
    """What matters, in one sentence or two."""
    total = report.total
    if not total.summary.requests and not total.summary.cancelled:
        return "No model was asked in these days."
    amount = ("at least " if total.unpriced else "") + ("about " if total.summary.estimated_cost else "")
    said = f"{total.summary.requests:,} requests cost {amount}{dollars(total.cost)}"
    saved, rate = savings(total.summary), savings_percent(total.summary)
    if saved is not None:
        return f"{said}; savings beside {report.baseline} are {saved}{f' ({rate})' if rate else ''}."
    unknown = [part.name for part in report.models if part.summary.savings_low is None]
    return f"{said}; savings beside {report.baseline} are unknown for {', '.join(unknown)}" + (
        f", and {known} for the others." if (known := _known(report)) else "."
    )


def sections(report: Report) -> list[Section]:
    """All tables, in their order; those without a row are left out."""
    made = [
        Section("Summary", "", _summary(report)),
        Section("By model", "", _parts("model", report.models)),
        Section("By task", _about_tasks(report), _parts("task", report.tasks)),
        Section("By user", "", _parts("user", report.users)),
        _by_period(report),
        Section(
            "What stepped in",
            "Requests that a fallback answered, or tried to, because another model had failed or was not allowed.",
            _fallbacks(report),
        ),
        Section(
            "What failed or was broken off",
            "Tokens are paid for where a model had read them, though there was no whole answer.",
            _failures(report.models),
        ),
        Section("Prices", "US dollars per million tokens, and what each is from.", _prices(report.prices)),
    ]
    if len(report.users) < 2 and all(not part.name for part in report.users):  # noqa: PLR2004 - the owner alone is no list
        made = [each for each in made if each.title != "By user"]
    return [each for each in made if each.table.rows]


def notes(report: Report) -> list[str]:
    """What the marks mean, where there are any, and how it was counted."""
    said = [f"Days are those of {report.span.zone_name}; money is in US dollars."]
    every = (report.total, *((report.before,) if report.before else ()))
    if any(part.summary.estimated for part in every):
        said.append(
            "~ stands before sums in which tokens were counted here, because the endpoint did not report them;"
            " savings are then a range."
        )
    if any(part.unpriced for part in every):
        said.append("+ stands behind a sum that lacks requests whose price nobody knows.")
    if report.total.uncompared:
        said.append(f"{report.total.uncompared} answers could not be compared: {report.baseline} has no known price.")
    if report.removed:
        said.append(
            f"{report.removed:,} requests are older than the single rows that are kept (ledger.keep_days): they are in"
            " every sum, but not in what stepped in, nor among the prices."
        )
    said.append(
        "Savings are what the answers that were used would have cost on the baseline model, less the cost of every"
        " request, failed and broken-off ones included."
    )
    return said


def _known(report: Report) -> str:
    """What the models whose prices are known saved; '' where there is none."""
    known = [part.summary for part in report.models if part.summary.savings_low is not None]
    if not known:
        return ""
    low = dollars(sum((each.savings_low or Decimal(0) for each in known), Decimal(0)))
    high = dollars(sum((each.savings_high or Decimal(0) for each in known), Decimal(0)))
    return f"{low}" if low == high else f"{low} to {high}"


def cost(part: Part) -> str:
    """`$1.25`; with ~ where part of it is estimated, and with + where a price is missing."""
    return _marked(part.cost, estimated=bool(part.summary.estimated_cost), unpriced=part.unpriced)


def _marked(amount: Decimal, *, estimated: bool = False, unpriced: int = 0) -> str:
    return ("~" if estimated else "") + str(dollars(amount)) + ("+" if unpriced else "")


def _summary(report: Report) -> Table:
    beside = report.before
    columns = ("", report.span.name, *((beside.name, "change") if beside else ()))
    return Table(columns, tuple(_line(name, report.total, beside) for name in _LINES))


_LINES = (
    "Requests",
    "Success",
    "Broken off while typing",
    "Answered from memory",
    "Tokens in",
    "Tokens out",
    "Latency p50",
    "Latency p95",
    "Cost of your own models",
    "Cost of providers' models",
    "Cost in all",
    "of which failed requests",
    "of which broken off",
    "The same on the baseline",
    "Savings",
    "Savings in percent",
)


def _line(name: str, part: Part, beside: Part | None) -> tuple[str, ...]:
    told = (name, _value(name, part))
    return (
        told if beside is None else (*told, _value(name, beside), _change(_number(name, part), _number(name, beside)))
    )


def _value(name: str, part: Part) -> str:
    summary = part.summary
    said: dict[str, str | None] = {
        "Requests": f"{summary.requests:,}",
        "Success": percent(summary.success_rate),
        "Broken off while typing": f"{summary.cancelled:,}",
        "Answered from memory": f"{summary.cached:,}",
        "Tokens in": f"{summary.input_tokens:,}",
        "Tokens out": f"{summary.output_tokens:,}",
        "Latency p50": milliseconds(summary.p50_s),
        "Latency p95": milliseconds(summary.p95_s),
        "Cost of your own models": _marked(part.own_cost, unpriced=part.own_unpriced),
        "Cost of providers' models": _marked(part.provider_cost, unpriced=part.unpriced - part.own_unpriced),
        "Cost in all": cost(part),
        "of which failed requests": dollars(part.failed_cost),
        "of which broken off": dollars(part.cancelled_cost),
        "The same on the baseline": _baseline(part),
        "Savings": savings(summary) or UNKNOWN,
        "Savings in percent": savings_percent(summary) or ("-" if savings(summary) else UNKNOWN),
    }
    return said[name] or "-"


def _number(name: str, part: Part) -> Decimal | None:
    """What the change of a line is counted from; None where a percentage of it would say nothing."""
    numbers: dict[str, Decimal | float | None] = {
        "Requests": part.summary.requests,
        "Tokens in": part.summary.input_tokens,
        "Tokens out": part.summary.output_tokens,
        "Latency p50": part.summary.p50_s,
        "Latency p95": part.summary.p95_s,
        "Cost of your own models": None if part.own_unpriced else part.own_cost,
        "Cost of providers' models": None if part.unpriced > part.own_unpriced else part.provider_cost,
        "Cost in all": None if part.unpriced else part.cost,
        "The same on the baseline": None if part.uncompared else part.baseline_cost,
        "Savings": part.summary.savings,
    }
    number = numbers.get(name)
    return None if number is None else Decimal(str(number))


def _change(now: Decimal | None, before: Decimal | None) -> str:
    """`+12 %`; nothing where there is nothing to compare."""
    if now is None or before is None or before <= 0:
        return ""
    return f"{(now - before) / before * 100:+.0f} %"


def _baseline(part: Part) -> str:
    return _marked(part.baseline_cost, estimated=bool(part.summary.estimated_baseline), unpriced=part.uncompared)


def _parts(by: str, parts: Sequence[Part]) -> Table:
    columns = (by, "requests", "success", "p95", "tokens in", "tokens out", "cost", "on the baseline", "savings")
    return Table(columns, tuple(map(_part, parts)))


def _part(part: Part) -> tuple[str, ...]:
    summary = part.summary
    return (
        part.name or NOBODY,
        f"{summary.requests:,}",
        percent(summary.success_rate) or "-",
        milliseconds(summary.p95_s) or "-",
        f"{summary.input_tokens:,}",
        f"{summary.output_tokens:,}",
        cost(part),
        _baseline(part),
        savings(summary) or UNKNOWN,
    )


def _about_tasks(report: Report) -> str:
    return (
        f"{Task.PROBE} stands for tests of models, which cost what they cost and save nothing."
        if any(part.name == Task.PROBE for part in report.tasks)
        else ""
    )


def _by_period(report: Report) -> Section:
    by = "month" if report.is_by_month else "day"
    return Section(f"By {by}", "", _parts(by, report.periods))


def _fallbacks(report: Report) -> Table:
    rows = [(each.model, f"{each.tries:,}", _marked(each.cost, unpriced=each.unpriced)) for each in report.fallbacks]
    return Table(("model", "requests", "cost"), tuple(rows))


def _failures(models: Sequence[Part]) -> Table:
    rows = (
        (
            part.name,
            f"{part.failed:,}",
            str(dollars(part.failed_cost)),
            f"{part.summary.cancelled:,}",
            str(dollars(part.cancelled_cost)),
        )
        for part in models
        if part.failed or part.cancelled_cost
    )
    return Table(("model", "failed", "cost", "broken off", "cost"), tuple(rows))


def _prices(prices: Sequence[PriceUsed]) -> Table:
    columns = ("model", "in", "out", "cache read", "cache write", "per hour", "since", "source", "requests")
    return Table(columns, tuple(tuple(_price(each)) for each in prices))


def _price(each: PriceUsed) -> Iterator[str]:
    yield f"{each.model} (baseline)" if each.is_baseline else each.model
    yield from (each.input, each.output, each.cache_read or "as in", each.cache_write or "as in")
    yield "-" if Decimal(each.gpu_hour) == 0 else each.gpu_hour
    yield from (each.as_of, each.source, f"{each.uses:,}")
