"""What became of a request, for callers who want to know: which models were tried and why, and what it cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price


class Receipt:
    """The tries of one request that are over.

    Args:
        price_of: what a provider's model costs; None where that is not known, or not yet.
    """

    def __init__(self, price_of: Callable[[str], Price | None]) -> None:
        self._price_of = price_of
        self._attempts: list[Attempt] = []

    @property
    def attempts(self) -> Sequence[Attempt]:
        """In the order in which they ended."""
        return self._attempts

    def add(self, attempt: Attempt) -> None:
        """Take note of a try."""
        self._attempts.append(attempt)

    @property
    def cost(self) -> Decimal | None:
        """Dollars for all tries; None where that of one that reached a model is not known."""
        total = Decimal(0)
        for attempt in self._attempts:
            cost = self._cost_of(attempt)
            if cost is not None:
                total += cost
            elif attempt.connect_s is not None:
                return None
        return total

    def _cost_of(self, attempt: Attempt) -> Decimal | None:
        if attempt.cost is not None or attempt.price is not None:
            return attempt.cost
        price = self._price_of(attempt.model)
        return None if price is None else price.cost(attempt.usage, attempt.total_s)


class Receipts:
    """An observer of the router that remembers the tries of the requests that somebody watches.

    Args:
        price_of: see `Receipt`.
    """

    def __init__(self, price_of: Callable[[str], Price | None]) -> None:
        self._price_of = price_of
        self._open: dict[str, Receipt] = {}

    def open(self, request_id: str) -> Receipt:
        """Watch a request from its `Started` on; whoever does ends it with `close`."""
        return self._open.setdefault(request_id, Receipt(self._price_of))

    def close(self, request_id: str) -> None:
        """Forget a request; the receipt stays as it is."""
        self._open.pop(request_id, None)

    async def observe(self, attempt: Attempt) -> None:
        """See `Observer`."""
        if attempt.request_id in self._open:
            self._open[attempt.request_id].add(attempt)
