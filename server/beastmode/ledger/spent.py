"""What one request took, over all its attempts: for showing it beside the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.usage import from_nano

if TYPE_CHECKING:
    from decimal import Decimal

    from beastmode.store.connection import Connection

_SUMS = """SELECT COUNT(*), SUM(input_tokens), SUM(output_tokens), COALESCE(MAX(estimated), 0), SUM(cost_nano),
    COUNT(*) FILTER (WHERE cost_nano IS NULL AND connect_s IS NOT NULL) FROM attempts WHERE request_id = ?"""


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
