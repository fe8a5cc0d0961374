"""Rows that were written before a price was known get what is missing; a figure that a row has is never changed.

Each function fills at most BATCH rows, because nobody else can write meanwhile, and returns how many it filled: it is
called until that is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.usage import Usage
from beastmode.ledger.prices import price_id
from beastmode.ledger.rows import change, nano_of

if TYPE_CHECKING:
    from beastmode.domain.usage import Price
    from beastmode.ledger.rows import Baseline
    from beastmode.store.connection import Connection, Row

BATCH = 200

_TO_COMPARE = """SELECT * FROM attempts
    WHERE baseline_cost_nano IS NULL AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL
    ORDER BY started_at LIMIT ?"""
_TO_PRICE = """SELECT * FROM attempts
    WHERE model = ? AND cost_nano IS NULL AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL LIMIT ?"""


def compare(connection: Connection, baseline: Baseline) -> int:
    """What the tokens of any model would have cost on the baseline model."""
    rows = connection.execute(_TO_COMPARE, (BATCH,)).fetchall()
    for row in rows:
        cost = nano_of(baseline.price.cost(_usage_of(row)))
        change(connection, row, baseline_cost_nano=cost, baseline_price_id=baseline.price_id)
    return len(rows)


def fill_costs(connection: Connection, model: str, price: Price) -> int:
    """What a provider's model cost."""
    rows = connection.execute(_TO_PRICE, (model, BATCH)).fetchall()
    for row in rows:
        number = price_id(connection, model, price)
        cost = nano_of(price.cost(_usage_of(row)))
        change(connection, row, cost_nano=cost, tokens_cost_nano=cost, price_id=number)
    return len(rows)


def _usage_of(row: Row) -> Usage:
    return Usage(*(row[name] for name in Usage.__slots__))
