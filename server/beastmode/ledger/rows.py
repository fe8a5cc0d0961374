"""What a try puts into the database: its own row, and its share of the sums of its hour."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import to_nano
from beastmode.ledger.prices import price_id
from beastmode.ledger.sketch import added
from beastmode.ledger.why import count, discount

if TYPE_CHECKING:
    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.store.connection import Connection

HOUR = 3600
NOTHING = Decimal(0)
WHOLE = 1000
"""Shares are kept in thousandths."""

KEY = ("hour", "model", "task", "outcome", "user")
"""What one row of the rollups is about. Names are quoted: `user` without quotes is PostgreSQL's own."""

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

_WHERE = " AND ".join(f'"{name}" = ?' for name in KEY)
_SKETCHES = f"SELECT total_s, first_token_s FROM rollups WHERE {_WHERE}"  # noqa: S608 - our own names, here and below
_QUOTED = ", ".join(f'"{name}"' for name in KEY + SUMS)
_ADD = f"""INSERT INTO rollups ({_QUOTED}, total_s, first_token_s)
    VALUES ({", ".join("?" * len(KEY + SUMS))}, ?, ?)
    ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET
        {", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in SUMS)},
        total_s = excluded.total_s, first_token_s = excluded.first_token_s"""  # noqa: S608


PLAIN = (
    "id",
    "request_id",
    "model",
    "provider",
    "origin",
    "reason",
    "started_at",
    "total_s",
    "connect_s",
    "first_token_s",
    "error_kind",
    "estimated",
    "queue_s",
    "cached",
    "masked",
)
"""Fields of an attempt that are columns as they are."""
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_MADE = ("task", "outcome", "error", "cost_nano", "tokens_cost_nano", "baseline_cost_nano")
_COLUMNS = (*PLAIN, *_TOKENS, *_MADE, "price_id", "baseline_price_id", "user")
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_INSERT = f"INSERT INTO attempts ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names


class Baseline(NamedTuple):
    """The provider model that savings are measured against, its price, and the row of that."""

    model: str
    price: Price
    price_id: int


Row = Any  # a mapping of names to values, or an Row: the two have no type in common


def hour_of(moment: float) -> int:
    """When the UTC hour of a moment began."""
    return int(moment // HOUR) * HOUR


def nano_of(dollars: Decimal | None) -> int | None:
    """Dollars as the ledger keeps them."""
    return None if dollars is None else min(to_nano(dollars), _MOST_NANO)


def row_of(attempt: Attempt, baseline: Baseline | None) -> dict[str, Any]:
    """The columns of a try but the rows of its prices: its fields, tokens flattened, money in nano-dollars."""
    usage, price = attempt.usage, attempt.price
    row: dict[str, Any] = {name: getattr(attempt, name) for name in PLAIN}
    row.update((name, getattr(usage, name)) for name in _TOKENS)
    row["task"], row["outcome"], row["user"] = attempt.task.value, attempt.outcome.value, attempt.user
    # Half of a surrogate pair, which an endpoint may put into its error, is no text for SQLite.
    row["error"] = None if attempt.error is None else attempt.error.encode("utf-8", "replace").decode()
    cost = NOTHING if attempt.cached else attempt.cost
    row["cost_nano"] = nano_of(cost)
    # The hours of one's own graphics card are billed by nobody, and are exact where the tokens are estimated.
    by_token = price is not None and price.gpu_hour and cost
    row["tokens_cost_nano"] = nano_of(price.cost(usage)) if price is not None and by_token else row["cost_nano"]
    compared = attempt.baseline_cost
    if compared is None and attempt.cached:
        compared = NOTHING  # no tokens were needed, so none would have been on the baseline
    elif compared is None and baseline is not None:
        compared = baseline.price.cost(usage)
    row["baseline_cost_nano"] = nano_of(compared)
    return row


def share_of(row: Row) -> tuple[int, ...]:
    """What a row of the attempts adds to each of SUMS.

    A suggestion counts against the baseline with the share of its text that was used: what nobody took would have been
    worth nothing there either. Tests of a model do not count against it: nobody would have put them to the baseline,
    so a load test saves nothing, however long it is.
    """
    reached, estimated = row["connect_s"] is not None, bool(row["estimated"])
    tokens_cost, compared = _number(row["tokens_cost_nano"]), _number(row["baseline_cost_nano"])
    used = {Task.INLINE: _number(row["used"]), Task.PROBE: 0}.get(row["task"], WHOLE)
    compared = compared * used // WHOLE
    return (
        1,
        int(row["accepted_at"] is not None),
        int(row["cached"]),
        row["masked"],
        int(estimated),
        int(reached and row["cost_nano"] is None),
        int(reached and used > 0 and row["baseline_cost_nano"] is None),
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


def times_of(row: Row) -> tuple[float | None, float | None]:
    """What a row adds to the sketches: its total and the time to its first text, where it is a model's whole answer."""
    if row["outcome"] != Outcome.OK or row["cached"]:
        return None, None
    return row["total_s"], row["first_token_s"]


def record(
    connection: Connection, attempt: Attempt, baseline: Baseline | None, number: int | None = None
) -> int | None:
    """Write a try and its share of the sums, within one transaction.

    `number` is the row of the try's price, where it is known already; returns it.
    """
    row = row_of(attempt, baseline)
    if number is None and attempt.price is not None:
        number = price_id(connection, attempt.model, attempt.price)
    row["price_id"] = number
    row["baseline_price_id"] = None if baseline is None or attempt.cached else baseline.price_id
    connection.execute(_INSERT, [row[name] for name in _COLUMNS])
    row["accepted_at"] = row["used"] = None
    key = _key_of(row)
    found = connection.execute(_SKETCHES, key).fetchone() or (b"", b"")
    sketches = (added(sketch, seconds) for sketch, seconds in zip(found, times_of(row), strict=True))
    connection.execute(_ADD, (*key, *share_of(row), *sketches))
    count(connection, hour_of(attempt.started_at), attempt)
    return number


def forget(connection: Connection, row: Row) -> None:
    """Take a try that was no answer out of the ledger, its share of the sums too, within one transaction."""
    connection.execute("DELETE FROM attempts WHERE id = ?", (row["id"],))
    settings = ", ".join(f"{name} = {name} - ?" for name in SUMS)
    connection.execute(f"UPDATE rollups SET {settings} WHERE {_WHERE}", (*share_of(row), *_key_of(row)))  # noqa: S608
    discount(connection, hour_of(row["started_at"]), row)


def change(connection: Connection, row: Row, **changes: object) -> None:
    """Set columns of a try, and what follows for the sums of its hour, within one transaction."""
    settings = ", ".join(f"{name} = ?" for name in changes)
    connection.execute(f"UPDATE attempts SET {settings} WHERE id = ?", (*changes.values(), row["id"]))  # noqa: S608
    before, after = share_of(row), share_of(dict(row) | changes)
    steps = {name: new - old for name, old, new in zip(SUMS, before, after, strict=True) if new != old}
    if steps:
        settings = ", ".join(f"{name} = {name} + ?" for name in steps)
        connection.execute(f"UPDATE rollups SET {settings} WHERE {_WHERE}", (*steps.values(), *_key_of(row)))  # noqa: S608


def _key_of(row: Row) -> tuple[object, ...]:
    return hour_of(row["started_at"]), row["model"], row["task"], row["outcome"], row["user"]


def _number(value: int | None) -> int:
    return value or 0
