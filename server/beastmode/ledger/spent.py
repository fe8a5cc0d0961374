"""What one request took, over all its attempts, for showing it beside the answer; and what a span of time took."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from beastmode.domain.usage import from_nano
from beastmode.ledger.rows import HOUR

if TYPE_CHECKING:
    from decimal import Decimal

    from beastmode.store.connection import Connection

_SUMS = """SELECT COUNT(*), SUM(input_tokens), SUM(output_tokens), COALESCE(MAX(estimated), 0), SUM(cost_nano),
    COUNT(*) FILTER (WHERE cost_nano IS NULL AND connect_s IS NOT NULL) FROM attempts WHERE request_id = ?"""

_SINCE = """SELECT
    (SELECT COALESCE(SUM({column}), 0) FROM rollups WHERE hour >= :hour{who})
    + (SELECT COALESCE(SUM({column}), 0) FROM attempts WHERE started_at >= :since AND started_at < :hour{who})"""
_WHO = ' AND "user" = :user'


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens and US dollars; None where nobody knows. `estimated`: some of the tokens were counted by us."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool = False
    cost: Decimal | None = None


def spent_on(connection: Connection, request_id: str) -> Spent:
    """What the ledger says of a request; one attempt without a known price makes the whole cost unknown."""
    rows, read, written, estimated, nano, unpriced = connection.execute(_SUMS, (request_id,)).fetchone()
    if not rows:
        return Spent()
    return Spent(read, written, bool(estimated), None if nano is None or unpriced else from_nano(nano))


def spent_since(connection: Connection, since: float, user: str | None = None, *, paid_only: bool = True) -> int:
    """Nano-dollars since a moment (Unix time), exactly, from the rollups; see `Ledger.spent`."""
    column, who = "tokens_cost_nano" if paid_only else "cost_nano", "" if user is None else _WHO
    moments: dict[str, object] = {"since": since, "hour": ceil(since / HOUR) * HOUR}
    about = moments if user is None else moments | {"user": user}
    return int(connection.execute(_SINCE.format(column=column, who=who), about).fetchone()[0])
