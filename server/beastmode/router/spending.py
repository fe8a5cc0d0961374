"""The user's spending caps: stops before the request that could pass one.

What a request could cost at most is held back from its check to the end of its try, in the database that all windows
and gateways share, so that requests at the same time cannot pass a cap together.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from beastmode.domain.errors import BudgetSpent, NotAllowed
from beastmode.domain.request import ChatRequest, EmbedRequest
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import MILLION
from beastmode.ledger.days import first_of_month, midnight
from beastmode.ledger.holds import Cap

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from datetime import tzinfo

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.routing import Policy
    from beastmode.domain.usage import Price
    from beastmode.ledger.holds import Full, Holds

BYTES_PER_TOKEN = 2
"""Of code and prose, at the worst: three to four are usual, and an estimate that is too low would pass the cap."""

IMAGE_TOKENS = 5000
"""Of the largest picture that a provider takes without making it smaller."""

TURN_TOKENS = 32
"""What a message or a tool adds besides its text."""


class _Named(NamedTuple):
    """A cap, what it is called, and when it begins anew."""

    cap: Cap
    name: str
    later: str


class Spending:
    """Guards the caps.

    Args:
        policy: what the owner allows, as of now.
        budget: what a user may spend beside that, by name; None for who has no caps of their own.
        holds: what requests under way could cost, of everybody who shares the database.
        price_of: what a model costs; None where nobody knows.
        is_paid: whether a model costs money where its price is not known.
        clock: Unix time in seconds.
        always: what costs money is held back where there is no cap too, so that a machine that dies loses none of it.
        zone: whose days and months count; None for this machine's.
    """

    def __init__(
        self,
        *,
        policy: Callable[[], Policy],
        budget: Callable[[str], Policy | None] = lambda _user: None,
        holds: Holds,
        price_of: Callable[[ModelSpec], Awaitable[Price | None]],
        is_paid: Callable[[ModelSpec], bool],
        clock: Callable[[], float],
        always: bool = False,
        zone: tzinfo | None = None,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._holds = holds
        self._price_of = price_of
        self._is_paid = is_paid
        self._clock = clock
        self._always = always
        self._zone = zone

    @asynccontextmanager
    async def hold(
        self, model: ModelSpec, request: Request, request_id: str = "", reason: str = ""
    ) -> AsyncGenerator[str]:
        """Hold back what a try could cost; leave the context when its row is in the ledger, or when there is none.

        Yields the id that the row must have.

        Raises:
            BudgetSpent: it could pass a cap.
            NotAllowed: a cap is set and nobody knows what the model costs.
        """
        attempt_id = uuid4().hex
        caps = self._caps(request.user)
        worst = await self._worst(model, request, is_capped=bool(caps))
        if not worst:
            yield attempt_id
            return
        about = Attempt(
            id=attempt_id,
            request_id=request_id or attempt_id,
            task=request.task,
            model=model.id,
            provider=model.provider,
            origin=model.origin,
            reason=reason,
            started_at=self._clock(),
            outcome=Outcome.FAILED,
            total_s=0.0,
            cost=worst,
            user=request.user,
        )
        full = await self._holds.take(about, [each.cap for each in caps])
        if full is not None:
            raise _refusal(about, full, next(each for each in caps if each.cap == full.cap))
        try:
            yield attempt_id
        finally:
            self._holds.release(attempt_id)

    async def price_of(self, model: ModelSpec) -> Price | None:
        """What a model costs; None where nobody knows."""
        return await self._price_of(model)

    async def check(self, model: ModelSpec, request: Request) -> None:
        """Raise NotAllowed where this request could pass a cap; holds nothing back."""
        async with self.hold(model, request):
            pass

    async def _worst(self, model: ModelSpec, request: Request, *, is_capped: bool) -> Decimal:
        """Dollars that a try could cost; 0 where nothing is to be held back."""
        if not is_capped and not self._always:
            return Decimal(0)
        price = await self._price_of(model)
        if price is not None:
            return worst_cost(price, model, request)
        if not is_capped or not self._is_paid(model):
            return Decimal(0)
        raise NotAllowed(
            f"Nobody knows what {model.id} costs, so the spending cap cannot be kept",
            "Give the model a price with `beastmode models add --price` (0 if it is free), or take the cap away with"
            " `beastmode route policy`",
        )

    def _caps(self, user: str) -> list[_Named]:
        """The owner's, which hold for everybody together, then the user's own."""
        now = self._clock()
        found: list[_Named] = []
        for policy, whom in ((self._policy(), None), (self._budget(user), user)):
            if policy is not None and policy.daily_cap is not None:
                today = midnight(now, self._zone)
                found.append(_Named(Cap(policy.daily_cap, today, whom), "daily", "tomorrow"))
            if policy is not None and policy.monthly_cap is not None:
                this_month = first_of_month(now, self._zone)
                found.append(_Named(Cap(policy.monthly_cap, this_month, whom), "monthly", "next month"))
        return found


def _refusal(about: Attempt, full: Full, named: _Named) -> BudgetSpent:
    cap, worst = full.cap, about.cost or Decimal(0)
    under_way = f", and requests under way may cost {_dollars(full.held)}" if full.held else ""
    whose = "" if cap.user is None else f" of {cap.user}"
    how = f"`beastmode route policy --{named.name}-cap …`" if cap.user is None else "the owner can"
    return BudgetSpent(
        f"This request to {about.model} could cost {_dollars(worst)}, which may pass the {named.name} "
        f"cap{whose} of {_dollars(cap.amount)}: {_dollars(full.spent)} is spent{under_way}",
        f"Raise it ({how}), wait until {named.later}, or ask a free model",
    )


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
