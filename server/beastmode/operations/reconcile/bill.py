"""A provider's exported bill: what it charged, or counted, by UTC day and model.

OpenAI (platform.openai.com, Usage: the exports of costs and of activity) and Anthropic (console, Cost and Usage) write
CSV files with columns of their own; anything else is read from the columns `date`, `model` and `cost`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import UserError
from beastmode.operations.table import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVERY = "(all models)"
"""How a row is called that does not say of which model it is."""

_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")
_FAMILY_LAST = re.compile(r"^claude-([\d-]+)-([a-z]+)$")
"""`claude-3-5-haiku` is called Claude Haiku 3.5 on bills."""
HALF_A_CENT = Decimal("0.005")
"""What a row of a bill is rounded by at most; by half of its last digit, where it has more of them than cents."""
MOST_SHOWN = 200
"""Characters of a wrong header that are evidence enough."""
_ISO_DAY = len("2026-01-31")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""`1,234.50`. Nothing else may have a comma: `0,85` would be a hundred times as much."""


class Shape(NamedTuple):
    """The columns of a kind of export; `cost` is '' where it has only tokens, `provider` where anybody's may be in."""

    title: str
    provider: str
    day: str
    model: str
    cost: str
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @property
    def needed(self) -> set[str]:
        """Without which it is not this kind."""
        counts = () if self.cost else (*self.read[:1], *self.written[:1])
        return {name for name in (self.day, self.model, self.cost, *counts) if name}


_ANTHROPIC_READ = (
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_read",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
)
SHAPES = (
    Shape("OpenAI's costs", "openai", "start_time_iso", "line_item", "amount_value"),
    Shape("OpenAI's activity", "openai", "start_time_iso", "model", "", ("input_tokens",), ("output_tokens",)),
    Shape("Anthropic's cost", "anthropic", "usage_date_utc", "model", "cost_usd"),
    Shape(
        "Anthropic's usage",
        "anthropic",
        "usage_date_utc",
        "model_version",
        "",
        _ANTHROPIC_READ,
        ("usage_output_tokens",),
    ),
    Shape("a list of costs", "", "date", "model", "cost", ("input_tokens",), ("output_tokens",)),
)


@dataclass(slots=True)
class Billed:
    """What stands on the bill for a day and a model, None where it does not say; and by how much it may be rounded."""

    cost: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    rounded: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Bill:
    """What was read: the kind of export, and the sums by UTC day and by the model's name as `plain_name` makes it."""

    shape: Shape
    lines: dict[tuple[date, str], Billed] = field(default_factory=dict)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        found = [day for day, _ in self.lines]
        return min(found), max(found)


def plain_name(name: str) -> str:
    """A model's name as bills and ledgers both write it: `Claude Haiku 4.5` is `claude-haiku-4-5-20251001`."""
    plain = _DATED.sub("", re.sub(r"[\s.]+", "-", printable(name.strip()).lower()))
    return _FAMILY_LAST.sub(r"claude-\2-\1", plain) or EVERY


def read_bill(text: str, name: str) -> Bill:
    """Read an export.

    Args:
        text: of the file.
        name: of the file, for errors.

    Raises:
        UserError: it is no kind of export that is known, or a row of it cannot be read.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    separator = max(",;\t", key=(lines[0] if lines else "").count)
    reader = csv.DictReader(lines, delimiter=separator)
    columns = {column.strip().lower(): column for column in reader.fieldnames or () if column}
    shape = next((each for each in SHAPES if each.needed <= columns.keys()), None)
    if shape is None:
        raise UserError(
            f"{name} is no bill that can be read: its columns are {_shown(columns)}",
            "Export costs or usage as CSV from OpenAI or Anthropic, or write one with the columns date, model, cost",
        )
    bill = Bill(shape)
    try:
        for raw in reader:
            row = {lower: (raw[column] or "").strip() for lower, column in columns.items()}
            _add(bill, row, is_grouped=separator == ",")
    except (ValueError, OverflowError, csv.Error) as error:
        raise UserError(
            f"Line {reader.reader.line_num} of {name} cannot be read: {printable(str(error))}",
            "Mend the line, or export again",
        ) from None
    if not bill.lines:
        raise UserError(f"{name} has no rows", "Export the days that you want to compare")
    return bill


def _shown(columns: Iterable[str]) -> str:
    told = printable(", ".join(columns)) or "missing"
    return told if len(told) <= MOST_SHOWN else f"{told[:MOST_SHOWN]}…"


def _add(bill: Bill, row: Mapping[str, str], *, is_grouped: bool) -> None:
    shape = bill.shape
    if row.get("amount_currency", "usd").lower() not in {"usd", ""}:
        raise ValueError(f"{row['amount_currency']} is not US dollars")
    if not any(row.get(column) for column in (shape.cost, *shape.read, *shape.written)):
        return  # a day without anything
    # OpenAI appends what was counted: `gpt-4o-2024-08-06, input`.
    key = (_day(row[shape.day]), plain_name(row[shape.model].partition(",")[0]))
    billed = bill.lines.setdefault(key, Billed())
    if row.get(shape.cost):
        cost = _dollars(row[shape.cost], is_grouped=is_grouped)
        billed.cost = (billed.cost or Decimal(0)) + cost
        billed.rounded += min(Decimal((0, (5,), int(cost.as_tuple().exponent) - 1)), HALF_A_CENT)
    read, written = _tokens(row, shape.read), _tokens(row, shape.written)
    if read is not None:
        billed.input_tokens = (billed.input_tokens or 0) + read
    if written is not None:
        billed.output_tokens = (billed.output_tokens or 0) + written


def _day(text: str) -> date:
    if len(text) == _ISO_DAY:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _dollars(text: str, *, is_grouped: bool) -> Decimal:
    """An amount; with commas between its thousands only where a comma is also what stands between columns."""
    plain = text.replace("$", "", 1) if text.startswith(("$", "-$")) else text
    if is_grouped and _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        raise ValueError(f"{text} is no amount, as 1234.50 is one") from None
    if not amount.is_finite():
        raise ValueError(f"{text} is no amount")
    return amount


def _tokens(row: Mapping[str, str], columns: tuple[str, ...]) -> int | None:
    said = [int(row[column]) for column in columns if row.get(column)]
    return sum(said) if said else None
