"""Dated prices of provider models, from the bundled data of genai-prices; no network.

That library takes a third of a second to import, so a price is looked up once, in a thread, and kept in the database;
a newer version of the library is asked again. A price is never overwritten: another one is added with its own date,
and every row of the ledger names the one that it used.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.usage import Price
from beastmode.store.price_columns import columns_of, price_of

if TYPE_CHECKING:
    from beastmode.store import Database
    from beastmode.store.connection import Connection

LIBRARY = "genai-prices"

_COLUMNS = "input, output, cache_read, cache_write, gpu_hour, as_of, source"
_NEWEST = f"SELECT {_COLUMNS} FROM prices WHERE model = ? ORDER BY as_of DESC, id DESC LIMIT 1"  # noqa: S608 - our own names
_FIND = """SELECT id FROM prices WHERE model = ?1 AND input = ?2 AND output = ?3
    AND COALESCE(cache_read, '') = COALESCE(?4, '') AND COALESCE(cache_write, '') = COALESCE(?5, '')
    AND gpu_hour = ?6 AND as_of = ?7 AND source = ?8 LIMIT 1"""
_ADD = f"INSERT INTO prices (model, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"  # noqa: S608 - our own names

_THEIR_NAMES = {"gemini": "google", "xai": "x-ai"}
"""Providers that the library calls otherwise than our rows do."""


class PriceBook:
    """The prices table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[str, Price | None] = {}

    async def known(self, model: str) -> Price | None:
        """The newest price that is already in the table."""
        rows = await self._database.read(_NEWEST, (model,))
        return price_of(rows[0]) if rows else None

    async def find(self, model: str) -> Price | None:
        """The price of a provider model (`openai:gpt-4`), looked up where the table has none, or one of an older list.

        None where nobody knows the model. A price that the user set stays as it is.
        """
        if model not in self._found:
            self._found[model] = await self._look_up(model)
        return self._found[model]

    def remembered(self, model: str) -> Price | None:
        """The price that `find` has found in this process."""
        return self._found.get(model)

    def was_asked(self, model: str) -> bool:
        """Whether `find` has looked for this model in this process, be it in vain."""
        return model in self._found

    async def _look_up(self, model: str) -> Price | None:
        price = await self.known(model)
        if price is not None and not await asyncio.to_thread(_is_outdated, price):
            return price
        newer = await asyncio.to_thread(_bundled, model)
        if newer is None:
            return price
        await self._database.transact(lambda connection: price_id(connection, model, newer))
        return newer


def price_id(connection: Connection, model: str, price: Price) -> int:
    """The row of a model's price, added where there is none; within a transaction."""
    row = (model, *columns_of(price).values())
    found = connection.execute(_FIND, row).fetchone()
    return int((found or connection.execute(_ADD, row).fetchone())[0])


def _is_outdated(price: Price) -> bool:
    """Whether the price comes from another version of the library than the installed one. Blocks for a moment."""
    return price.source.startswith(LIBRARY) and price.source != _installed()


def _installed() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - reads the disk

    return f"{LIBRARY} {version(LIBRARY)}"


def _bundled(model: str) -> Price | None:
    """What the library says. Blocks for a third of a second the first time."""
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - see above

    provider, _, name = model.partition(":")
    provider = _THEIR_NAMES.get(provider, provider)

    def per_million(usage: Usage) -> Decimal:
        price = calc_price(usage, name, provider_id=provider).total_price * 1000
        return Decimal(f"{price.normalize():f}")  # 30, neither 30.00 nor 3E+1

    # A thousand tokens, because some models cost more from a certain length of prompt on.
    try:
        return Price(
            input=per_million(Usage(input_tokens=1000)),
            output=per_million(Usage(output_tokens=1000)),
            # Where the library has no price for the cache, it takes the price of input, and so do we.
            cache_read=per_million(Usage(input_tokens=1000, cache_read_tokens=1000)),
            cache_write=per_million(Usage(input_tokens=1000, cache_write_tokens=1000)),
            as_of=datetime.now(UTC).date(),
            source=_installed(),
        )
    except LookupError:
        return None
