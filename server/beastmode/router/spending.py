"""The user's spending caps: stops before the request that could pass one.

What a request could cost at most is held back from its check to the end of its try, so that requests at the same time
cannot pass a cap together. Several editor windows share what is spent, but not what is held back: together they can
pass a cap by what the other windows have under way.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import BudgetSpent, NotAllowed
from beastmode.domain.request import ChatRequest, EmbedRequest
from beastmode.domain.usage import MILLION
from beastmode.ledger.days import first_of_month, midnight

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from datetime import tzinfo

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.routing import Policy
    from beastmode.domain.usage import Price

BYTES_PER_TOKEN = 2
"""Of code and prose, at the worst: three to four are usual, and an estimate that is too low would pass the cap."""

IMAGE_TOKENS = 5000
"""Of the largest picture that a provider takes without making it smaller."""

TURN_TOKENS = 32
"""What a message or a tool adds besides its text."""


class _Held(NamedTuple):
    """Whose request it is, and dollars that it could cost."""

    user: str
    worst: Decimal


class _Cap(NamedTuple):
    """Dollars that may be spent since a moment (Unix time): by one user, or by everybody (None)."""

    name: str
    amount: Decimal
    since: float
    later: str
    user: str | None


class Spending:
    """Guards the caps.

    Args:
        policy: what the owner allows, as of now.
        budget: what a user may spend beside that, by name; None for who has no caps of their own.
        spent: dollars that paid models cost since a moment (Unix time), for everybody (None) or for a user; includes
            every try that is over.
        price_of: what a model costs; None where nobody knows.
        is_paid: whether a model costs money where its price is not known.
        clock: Unix time in seconds.
        zone: whose days and months count; None for this machine's.
    """

    def __init__(
        self,
        *,
        policy: Callable[[], Policy],
        budget: Callable[[str], Policy | None] = lambda _user: None,
        spent: Callable[[float, str | None], Awaitable[Decimal]],
        price_of: Callable[[ModelSpec], Awaitable[Price | None]],
        is_paid: Callable[[ModelSpec], bool],
        clock: Callable[[], float],
        zone: tzinfo | None = None,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._spent = spent
        self._price_of = price_of
        self._is_paid = is_paid
        self._clock = clock
        self._zone = zone
        self._held: dict[object, _Held] = {}
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: Request) -> AsyncGenerator[None]:
        """Hold back what a try could cost; leave the context when its row is in the ledger, or when there is none.

        Raises:
            BudgetSpent: it could pass a cap.
            NotAllowed: a cap is set and nobody knows what the model costs.
        """
        ticket = object()
        worst = await self._worst(model, request)
        if worst:
            async with self._one_at_a_time:
                await self._check(model, _Held(request.user, worst))
                self._held[ticket] = _Held(request.user, worst)
        try:
            yield
        finally:
            self._held.pop(ticket, None)

    async def price_of(self, model: ModelSpec) -> Price | None:
        """What a model costs; None where nobody knows."""
        return await self._price_of(model)

    async def check(self, model: ModelSpec, request: Request) -> None:
        """Raise NotAllowed where this request could pass a cap; holds nothing back."""
        async with self.hold(model, request):
            pass

    async def _worst(self, model: ModelSpec, request: Request) -> Decimal:
        """Dollars that a try could cost; 0 where no cap is set."""
        policies = (self._policy(), self._budget(request.user))
        if all(each is None or (each.daily_cap is None and each.monthly_cap is None) for each in policies):
            return Decimal(0)
        price = await self._price_of(model)
        if price is not None:
            return worst_cost(price, model, request)
        if not self._is_paid(model):
            return Decimal(0)
        raise NotAllowed(
            f"Nobody knows what {model.id} costs, so the spending cap cannot be kept",
            "Give the model a price with `beastmode models add --price` (0 if it is free), or take the cap away with"
            " `beastmode route policy`",
        )

    async def _check(self, model: ModelSpec, asked: _Held) -> None:
        for cap in self._caps(asked.user):
            # Before the sum is read: a try that ends meanwhile is then counted twice rather than not at all.
            held = sum((each.worst for each in self._held.values() if cap.user in {None, each.user}), Decimal(0))
            spent = await self._spent(cap.since, cap.user)
            if spent + held + asked.worst > cap.amount:
                under_way = f", and requests under way may cost {_dollars(held)}" if held else ""
                whose = "" if cap.user is None else f" of {cap.user}"
                how = f"`beastmode route policy --{cap.name}-cap …`" if cap.user is None else "the owner can"
                raise BudgetSpent(
                    f"This request to {model.id} could cost {_dollars(asked.worst)}, which may pass the {cap.name} "
                    f"cap{whose} of {_dollars(cap.amount)}: {_dollars(spent)} is spent{under_way}",
                    f"Raise it ({how}), wait until {cap.later}, or ask a free model",
                )

    def _caps(self, user: str) -> Iterator[_Cap]:
        """The owner's, which hold for everybody together, then the user's own."""
        now = self._clock()
        today, this_month = midnight(now, self._zone), first_of_month(now, self._zone)
        for policy, whom in ((self._policy(), None), (self._budget(user), user)):
            if policy is not None and policy.daily_cap is not None:
                yield _Cap("daily", policy.daily_cap, today, "tomorrow", whom)
            if policy is not None and policy.monthly_cap is not None:
                yield _Cap("monthly", policy.monthly_cap, this_month, "next month", whom)


def worst_cost(price: Price, model: ModelSpec, request: Request) -> Decimal:
    """Dollars that an answer costs if the prompt has as many tokens as can be and the answer as many as it may.

    GPU hours are not counted: they are the user's own hardware's.
    """
    if isinstance(request, EmbedRequest):
        limit = 0
    else:
        limit = request.max_tokens if request.max_tokens is not None else model.max_tokens
    per_input = max(price.input, price.cache_read or Decimal(0), price.cache_write or Decimal(0))
    return (per_input * _worst_tokens(request) + price.output * limit) / MILLION


def _worst_tokens(request: Request) -> int:
    size, extra = 0, TURN_TOKENS
    if isinstance(request, ChatRequest):
        extra += TURN_TOKENS * (len(request.messages) + len(request.tools))
        extra += IMAGE_TOKENS * sum(len(message.images) for message in request.messages)
    for text in _texts(request):
        size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES_PER_TOKEN) + extra


def _texts(request: Request) -> Iterator[str]:
    if isinstance(request, EmbedRequest):
        yield from request.texts
        return
    if not isinstance(request, ChatRequest):
        yield from (request.prefix, request.suffix, request.path)
        for snippet in request.snippets:
            yield from (snippet.path, snippet.text)
        return
    yield request.json_schema or ""
    for tool in request.tools:
        yield from (tool.name, tool.description, tool.parameters)
    for message in request.messages:
        yield message.text
        for call in message.tool_calls:
            yield from (call.name, call.arguments)


def _dollars(amount: Decimal) -> str:
    """`$0.0312`, `$5.00`: cents, and two more digits below a dollar."""
    return f"${amount:.2f}" if amount >= 1 or not amount else f"${max(amount, Decimal('0.0001')):.4f}"
