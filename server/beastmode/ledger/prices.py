"""Dated prices of provider models, from the bundled data of genai-prices; no network.

That library takes a third of a second to import, so a price is looked up once and kept in the database. A price is
never overwritten: another one is added with its own date.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.usage import Price

if TYPE_CHECKING:
    from beastmode.store import Database


class PriceBook:
    """The prices table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, model: str) -> Price | None:
        """The newest price that is already in the table."""
        rows = await self._database.read(
            "SELECT input, output, as_of, source FROM prices WHERE model = ? ORDER BY as_of DESC, id DESC LIMIT 1",
            (model,),
        )
        if not rows:
            return None
        row = rows[0]
        return Price(Decimal(row["input"]), Decimal(row["output"]), date.fromisoformat(row["as_of"]), row["source"])

    async def find(self, model: str) -> Price | None:
        """The price of a provider model (`openai:gpt-4`), looked up where the table has none yet.

        None where the library does not know the model.
        """
        price = await self.known(model)
        if price is None:
            price = await asyncio.to_thread(_bundled, model)
            if price is not None:
                await self._database.write(
                    "INSERT INTO prices (model, input, output, as_of, source) VALUES (?, ?, ?, ?, ?)",
                    (model, str(price.input), str(price.output), price.as_of.isoformat(), price.source),
                )
        return price


def _bundled(model: str) -> Price | None:
    import genai_prices  # noqa: PLC0415 - a third of a second, and only once in the life of a database

    provider, _, name = model.partition(":")
    # A thousand tokens, because some models cost more from a certain length of prompt on.
    usage = genai_prices.Usage(input_tokens=1000, output_tokens=1000)
    try:
        cost = genai_prices.calc_price(usage, name, provider_id=provider)
    except LookupError:
        return None
    source = f"genai-prices {genai_prices.__version__}"
    return Price(cost.input_price * 1000, cost.output_price * 1000, datetime.now(UTC).date(), source)
