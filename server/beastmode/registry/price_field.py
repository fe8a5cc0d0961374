"""The price as a person writes it, and as it is shown to one: the two directions of the same short notation."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.usage import Price

if TYPE_CHECKING:
    from datetime import date

NOTATION = "US dollars per million tokens as input/output or input/output/cache, such as 0.5/1.5; one number for both"
HOURLY = "/hour"

_MAX_PRICE = 9_999_999
_AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,12})?|\.[0-9]{1,12}")


def read_price(value: object, today: date) -> Price | None:
    """`0.5/1.5`, `0.5/1.5/0.05` (the last for tokens read from a cache), `2.5/hour` of a GPU, `2` for both, `0`.

    None where nothing is entered: an unknown price.

    Raises:
        ValueError: it is none of these; the message is for the user.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = format(Decimal(repr(value)), "f") if 0 <= value <= _MAX_PRICE else "-"
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - a problem for the user, as every other one
    text = "".join(value.split()).replace("$", "")
    if not text:
        return None
    hourly = text.lower().endswith(HOURLY)
    amounts = [text[: -len(HOURLY)]] if hourly else text.split("/")
    if len(amounts) > len(("input", "output", "cache")) or not all(map(_AMOUNT.fullmatch, amounts)):
        raise ValueError(f"must be {NOTATION}; or US dollars per hour of a GPU, such as 2.5/hour")
    numbers = [Decimal(amount) for amount in amounts]
    if hourly:
        return Price(Decimal(0), Decimal(0), today, "user", gpu_hour=numbers[0])
    cache_read = numbers[2] if len(numbers) > len(("input", "output")) else None
    return Price(numbers[0], numbers[min(1, len(numbers) - 1)], today, "user", cache_read=cache_read)


def price_text(price: Price) -> str:
    """The price in the same notation."""
    parts = []
    if price.gpu_hour:
        parts.append(f"{price.gpu_hour:f}{HOURLY}")
    if not price.gpu_hour or price.input or price.output:
        cache = "" if price.cache_read is None else f"/{price.cache_read:f}"
        parts.append(f"{price.input:f}/{price.output:f}{cache}")
    return " and ".join(parts)
