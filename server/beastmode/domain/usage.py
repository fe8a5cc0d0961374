"""Tokens and money. A count that nobody gave is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

NANO = 1_000_000_000
MILLION = 1_000_000
SECONDS_PER_HOUR = 3600


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
    """What a model costs from `as_of` on, according to `source`.

    `input`, `output`, `cache_read`, `cache_write` are US dollars per million tokens; a cache price of None means: as
    input. `gpu_hour` is US dollars per hour in which the model is busy with a request, for one's own hardware; it is
    added to what the tokens cost.
    """

    input: Decimal
    output: Decimal
    as_of: date
    source: str
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    gpu_hour: Decimal = Decimal(0)

    def cost(self, usage: Usage, busy_s: float = 0.0) -> Decimal | None:
        """Dollars for a request of these tokens that kept the model busy for `busy_s`; None where a count is missing.

        Cached tokens are part of `input_tokens` (see `Usage`) and cost their own price instead.
        """
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        tokens = (
            self.input * max(usage.input_tokens - read - write, 0)
            + (self.input if self.cache_read is None else self.cache_read) * read
            + (self.input if self.cache_write is None else self.cache_write) * write
            + self.output * usage.output_tokens
        )
        return tokens / MILLION + self.gpu_hour * Decimal(str(busy_s)) / SECONDS_PER_HOUR


def to_nano(dollars: Decimal) -> int:
    """Dollars to the whole nano-dollars that the ledger stores (half to even)."""
    return int((dollars * NANO).to_integral_value())


def from_nano(nano: int) -> Decimal:
    """Nano-dollars back to dollars, exactly."""
    return Decimal(nano) / NANO
