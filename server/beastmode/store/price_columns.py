"""A price as columns of the table `prices`, and back; the registry and the ledger both keep prices there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.usage import Price

if TYPE_CHECKING:
    from beastmode.store.connection import Row


def columns_of(price: Price) -> dict[str, str | None]:
    """Decimals as text, exactly; the date in ISO form."""
    return {
        "input": str(price.input),
        "output": str(price.output),
        "cache_read": _text(price.cache_read),
        "cache_write": _text(price.cache_write),
        "gpu_hour": str(price.gpu_hour),
        "as_of": price.as_of.isoformat(),
        "source": price.source,
    }


def price_of(row: Row) -> Price:
    """The price of a row that has these columns."""
    return Price(
        input=Decimal(row["input"]),
        output=Decimal(row["output"]),
        as_of=date.fromisoformat(row["as_of"]),
        source=row["source"],
        cache_read=_decimal(row["cache_read"]),
        cache_write=_decimal(row["cache_write"]),
        gpu_hour=Decimal(row["gpu_hour"]),
    )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
