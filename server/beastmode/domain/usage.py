"""Tokens and money. A count that nobody gave is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the endpoint reported them.

    `input_tokens` includes the cached ones, whatever the wire format's own habit.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    def merge(self, later: Usage) -> Usage:
        """The later report wins, field by field, where it says anything."""
        return Usage(
            later.input_tokens if later.input_tokens is not None else self.input_tokens,
            later.output_tokens if later.output_tokens is not None else self.output_tokens,
            later.cache_read_tokens if later.cache_read_tokens is not None else self.cache_read_tokens,
            later.cache_write_tokens if later.cache_write_tokens is not None else self.cache_write_tokens,
            later.reasoning_tokens if later.reasoning_tokens is not None else self.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, true from `as_of` on, according to `source`."""

    input: Decimal
    output: Decimal
    as_of: date
    source: str

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Dollars for that many tokens."""
        return (self.input * input_tokens + self.output * output_tokens) / 1_000_000


def to_nano(dollars: Decimal) -> int:
    """Dollars to the whole nano-dollars that the ledger stores (half to even)."""
    return int((dollars * NANO).to_integral_value())


def from_nano(nano: int) -> Decimal:
    """Nano-dollars back to dollars, exactly."""
    return Decimal(nano) / NANO
