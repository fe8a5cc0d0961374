"""What is asked of an endpoint under test, how often, and what that can cost at most."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.model import BUILTIN_ID, is_loopback, origin_of
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.router.spending import worst_cost

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.usage import Price

MOST_REQUESTS = 100_000
MOST_AT_ONCE = 1_000
"""Requests that are under way together: what an endpoint leaves unanswered must not fill this machine."""
WORD = "value "
"""What a prompt is filled with; about two tokens in three by the count of the ledger."""
WORDS_PER_TOKEN = 0.6


@dataclass(frozen=True, slots=True)
class Load:
    """One test.

    With a `rate` requests are sent at fixed moments whether or not the earlier ones are answered (an open loop), else
    each of `concurrency` callers waits for its answer before it asks again (a closed loop), in several steps one after
    the other where there are several numbers.

    Attributes:
        requests: in each step of a closed loop.
        concurrency: callers at once, step by step.
        rate: requests in a second; None for a closed loop.
        duration_s: seconds for which requests are sent at that rate.
        prompt_tokens: about how many tokens are asked with.
        max_tokens: how many are answered at most.
        warm_up: requests before the test that do not count.
    """

    requests: int = 100
    concurrency: tuple[int, ...] = (10,)
    rate: float | None = None
    duration_s: float = 10.0
    prompt_tokens: int = 200
    max_tokens: int = 64
    warm_up: int = 1

    @property
    def total(self) -> int:
        """Requests in all."""
        if self.rate is not None:
            return self.warm_up + self.arrivals
        return self.warm_up + self.requests * len(self.concurrency)

    @property
    def arrivals(self) -> int:
        """Requests of the open loop."""
        return max(ceil((self.rate or 0) * self.duration_s), 1)

    def check(self) -> None:
        """Raise UserError where it is more than a test should be."""
        if self.total > MOST_REQUESTS:
            raise UserError(f"{self.total:,} requests are too many", f"Ask for {MOST_REQUESTS:,} at most")
        if self.rate is None and max(self.concurrency) > MOST_AT_ONCE:
            raise UserError(f"{max(self.concurrency):,} callers are too many", f"Ask for {MOST_AT_ONCE:,} at most")

    def request(self, number: int, model: ModelSpec) -> Request:
        """The request of that number; each begins otherwise, so that no cache of an endpoint knows it."""
        filling = WORD * int(self.prompt_tokens * WORDS_PER_TOKEN)
        if model.chat_format is not None:
            text = f"Request {number}. Write a short function in Python that adds up a list. Ignore this: {filling}"
            return ChatRequest((Message("user", text),), task=Task.PROBE, max_tokens=self.max_tokens)
        prefix = f"# {number} {filling}\ndef total(values):\n    "
        return FimRequest(prefix, "\n", "total.py", "python", task=Task.PROBE, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class Expense:
    """What a test sends, and dollars that it can cost at most; None where nobody knows the price of a paid model."""

    requests: int
    most: Decimal | None
    is_local: bool


def expense(load: Load, model: ModelSpec, price: Price | None, *, is_paid: bool) -> Expense:
    """What a test of this model is about.

    Args:
        load: the test.
        model: its row.
        price: of the model, where it is known.
        is_paid: whether it costs money where no price is known.
    """
    most: Decimal | None = Decimal(0)
    if price is not None:
        most = worst_cost(price, model, load.request(MOST_REQUESTS, model)) * load.total
    elif is_paid:
        most = None
    is_local = model.id == BUILTIN_ID or is_loopback(model.endpoint_url)
    return Expense(load.total, most, is_local)


def require_affordable(spends: Expense, model_id: str, max_cost: Decimal | None) -> None:
    """Raise UserError where a test may cost more than was agreed on."""
    if spends.most is None:
        raise UserError(
            f"Nobody knows what {model_id} costs, so a test of it could cost anything",
            "Give the model a price with `beastmode models add --price` (0 if it is free)",
        )
    if spends.most and max_cost is None:
        raise UserError(
            f"{model_id} costs money: {spends.requests:,} requests can cost ${spends.most:.4f}",
            f"Agree to it with --max-cost {_rounded_up(spends.most)}, or send fewer requests",
        )
    if max_cost is not None and spends.most > max_cost:
        raise UserError(
            f"{spends.requests:,} requests can cost ${spends.most:.4f}, which is more than --max-cost {max_cost}",
            f"Raise it to {_rounded_up(spends.most)}, or send fewer requests, or shorter ones",
        )


def require_own_origin(model: ModelSpec, url: str) -> None:
    """Raise UserError where the requests would go anywhere but to the model's own address."""
    own = is_loopback(url) if model.id == BUILTIN_ID else origin_of(url) == model.origin
    if not own:
        raise UserError(
            f"{model.id} would be asked at {origin_of(url)}, which is not {model.origin}", "Register it anew"
        )


def _rounded_up(dollars: Decimal) -> str:
    return f"{ceil(dollars * 100) / 100:.2f}"
