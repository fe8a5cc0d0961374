"""What a try puts into the database: its own row, and its share of the sums of its hour."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.usage import to_nano
from beastmode.ledger.prices import price_id
from beastmode.ledger.sketch import added

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price

HOUR = 3600

KEY = ("hour", "model", "task", "outcome")
"""What one row of the rollups is about."""

SUMS = (
    "attempts",
    "accepted",
    "cached",
    "masked",
    "estimated",
    "unpriced",
    "uncompared",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano",
    "tokens_cost_nano",
    "baseline_cost_nano",
    "estimated_cost_nano",
    "estimated_baseline_nano",
)
"""What is added up in it; store/migrations.py says what each one means."""

_MOST_NANO = 10**15
"""A million dollars for one try; a price that says more is a mistake, and the sum must fit SQLite's integers."""

_WHERE = " AND ".join(f"{name} = ?" for name in KEY)
_SKETCHES = f"SELECT total_s, first_token_s FROM rollups WHERE {_WHERE}"  # noqa: S608 - our own names, here and below
_ADD = f"""INSERT INTO rollups ({", ".join(KEY + SUMS)}, total_s, first_token_s)
    VALUES ({", ".join("?" * len(KEY + SUMS))}, ?, ?)
    ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)},
        total_s = excluded.total_s, first_token_s = excluded.first_token_s"""  # noqa: S608


class Baseline(NamedTuple):
    """The provider model that savings are measured against, and its price."""

    model: str
    price: Price


def hour_of(moment: float) -> int:
    """When the UTC hour of a moment began."""
    return int(moment // HOUR) * HOUR


def row_of(attempt: Attempt, baseline: Baseline | None) -> dict[str, object]:
    """The columns of a try but those that name prices: its fields, tokens flattened, money in nano-dollars."""
    row: dict[str, object] = {name: _storable(getattr(attempt, name)) for name in attempt.__slots__}
    for name in ("usage", "cost", "price", "baseline_cost"):
        del row[name]
    usage, price, cost = attempt.usage, attempt.price, attempt.cost
    row.update(asdict(usage))
    # A graphics card's hours are not billed by anybody, and are known exactly where the tokens are not.
    tokens_cost = price.cost(usage) if price is not None and price.gpu_hour and cost else cost
    compared = attempt.baseline_cost
    if compared is None and attempt.cached:
        compared = Decimal(0)  # no tokens were needed, so none would have been on the baseline
    elif compared is None and baseline is not None:
        compared = baseline.price.cost(usage)
    row["cost_nano"], row["tokens_cost_nano"], row["baseline_cost_nano"] = map(_nano, (cost, tokens_cost, compared))
    return row


def share_of(row: Mapping[str, object] | sqlite3.Row) -> tuple[int, ...]:
    """What a row of the attempts adds to each of SUMS."""
    reached, estimated = row["connect_s"] is not None, bool(row["estimated"])
    tokens_cost, compared = _number(row["tokens_cost_nano"]), _number(row["baseline_cost_nano"])
    return (
        1,
        int(row["accepted_at"] is not None),
        int(bool(row["cached"])),
        _number(row["masked"]),
        int(estimated),
        int(reached and row["cost_nano"] is None),
        int(reached and row["baseline_cost_nano"] is None),
        _number(row["input_tokens"]),
        _number(row["output_tokens"]),
        _number(row["cache_read_tokens"]),
        _number(row["cache_write_tokens"]),
        _number(row["reasoning_tokens"]),
        _number(row["cost_nano"]),
        tokens_cost,
        compared,
        tokens_cost if estimated else 0,
        compared if estimated else 0,
    )


def record(connection: sqlite3.Connection, attempt: Attempt, baseline: Baseline | None) -> None:
    """Write a try and its share of the sums, within one transaction."""
    row = row_of(attempt, baseline)
    row["price_id"] = price_id(connection, attempt.model, attempt.price)
    if baseline is not None and row["baseline_cost_nano"] is not None:
        row["baseline_price_id"] = price_id(connection, baseline.model, baseline.price)
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO attempts ({columns}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
    row["accepted_at"] = None
    key = (hour_of(attempt.started_at), row["model"], row["task"], row["outcome"])
    total, first_token = connection.execute(_SKETCHES, key).fetchone() or (b"", b"")
    total = added(total, attempt.total_s)
    if attempt.first_token_s is not None:
        first_token = added(first_token, attempt.first_token_s)
    connection.execute(_ADD, (*key, *share_of(row), total, first_token))


def change(connection: sqlite3.Connection, row: sqlite3.Row, **changes: object) -> None:
    """Set columns of a try, and what follows for the sums of its hour, within one transaction."""
    settings = ", ".join(f"{name} = ?" for name in changes)
    connection.execute(f"UPDATE attempts SET {settings} WHERE id = ?", (*changes.values(), row["id"]))  # noqa: S608
    before, after = share_of(row), share_of(dict(row) | changes)
    steps = {name: new - old for name, old, new in zip(SUMS, before, after, strict=True) if new != old}
    if steps:
        settings = ", ".join(f"{name} = {name} + ?" for name in steps)
        key = (hour_of(row["started_at"]), row["model"], row["task"], row["outcome"])
        connection.execute(f"UPDATE rollups SET {settings} WHERE {_WHERE}", (*steps.values(), *key))  # noqa: S608


def _nano(dollars: Decimal | None) -> int | None:
    return None if dollars is None else min(to_nano(dollars), _MOST_NANO)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _storable(value: object) -> object:
    """Half of a surrogate pair, which an endpoint may put into its error, is no text for SQLite."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
