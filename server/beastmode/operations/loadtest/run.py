"""One load test of one model, from its first request to its figures.

It asks as every try is asked, and each request is a row of the ledger as a test; but it tries nothing twice, moves on
to no other model, and does not wait for the room that requests are usually given: what is measured is the endpoint.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.domain.errors import NotAllowed
from beastmode.domain.model import origin_of
from beastmode.domain.response import TextDelta, UsageReport
from beastmode.domain.routing import Candidate
from beastmode.domain.usage import Usage
from beastmode.operations.loadtest.drive import Driver
from beastmode.operations.loadtest.load import MOST_AT_ONCE, require_own_origin
from beastmode.operations.loadtest.measure import figures
from beastmode.operations.loadtest.result import Result, asked_of
from beastmode.router.complexity import length, tokens
from beastmode.router.spending import worst_cost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.usage import Price
    from beastmode.operations.loadtest.drive import Say
    from beastmode.operations.loadtest.load import Load
    from beastmode.router.ask import Asker, Endpoint

    Hold = Callable[[ModelSpec, Request], AbstractAsyncContextManager[object]]


class Purse:
    """What a test has spent and may still spend.

    Args:
        price: of the model; None where it is free.
        most: dollars; None for a model that is free.
    """

    def __init__(self, price: Price | None, most: Decimal | None) -> None:
        self._price = price
        self._most = most
        self._held = Decimal(0)
        self.spent = Decimal(0)

    def hold(self, worst: Decimal) -> None:
        """Hold back what a request could cost; raises NotAllowed where that could be too much."""
        if self._most is not None and self.spent + self._held + worst > self._most:
            raise NotAllowed(
                f"${self.spent:.4f} of --max-cost {self._most} are spent, and one more request could pass it",
                "Raise --max-cost",
            )
        self._held += worst

    def pay(self, worst: Decimal, usage: Usage) -> None:
        """It is over: what was held back for it is free again but for what it cost."""
        self._held -= worst
        if self._price is not None:
            self.spent += self._price.cost(usage) or Decimal(0)


async def run_load(
    load: Load,
    model: ModelSpec,
    endpoint: Endpoint,
    asker: Asker,
    *,
    hold: Hold,
    price: Price | None,
    max_cost: Decimal | None,
    say: Say,
) -> Result:
    """Run the test.

    Args:
        load: what to send.
        model: who is asked.
        endpoint: where, with the key.
        asker: sends, and records.
        hold: keeps the user's spending caps.
        price: of the model, where it is known.
        max_cost: dollars after which nothing more is sent.
        say: told how far it is.

    Raises:
        UserError: the endpoint is elsewhere than the model's row says, or none of the first requests was answered.
        NotAllowed: no request could be sent within the caps.
    """
    require_own_origin(model, endpoint.url)
    roomy = replace(model, max_concurrent=MOST_AT_ONCE)
    purse = Purse(price, max_cost)

    async def ask(number: int) -> AsyncGenerator[StreamEvent]:
        request = load.request(number, model)
        worst = worst_cost(price, model, request) if price is not None else Decimal(0)
        purse.hold(worst)
        usage, characters = Usage(), 0
        try:
            asked = asker.ask(request, Candidate(roomy, "load test"), endpoint, uuid4().hex)
            async with hold(model, request), aclosing(asked) as events:
                async for event in events:
                    if isinstance(event, UsageReport):
                        usage = usage.merge(event.usage)
                    elif isinstance(event, TextDelta):
                        characters += len(event.text)
                    yield event
        finally:
            purse.pay(worst, Usage(tokens(length(request)), tokens(characters)).merge(usage))

    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    stages = await Driver(load, ask, say).run()
    steps = (figures(stage.concurrency, stage.rate, stage.samples, stage.stopped) for stage in stages)
    cost = None if price is None else f"{purse.spent:f}"
    return Result(model.id, origin_of(endpoint.url), started_at, asked_of(load), tuple(steps), cost)
