"""The whole way of a model on a profile of its own: registered, listed, asked for code, timed, and paid for.

Each step is a check with its evidence; where one fails, what needs it is not tried.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic, time
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import BeastModeError
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.domain.response import TextDelta
from beastmode.operations.model_checks import Check
from beastmode.operations.table import printable
from beastmode.router.health import HEALTHY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.ledger.ledger import Ledger
    from beastmode.operations.models import Models
    from beastmode.registry.registry import Registry
    from beastmode.router.router import Router

REGISTRATION, LISTING, GENERATION = "Registration", "Listing", "Code generation"
PERFORMANCE, COSTS = "Performance", "Cost tracking"
TIMED = 5
"""Answers that are timed."""
MAX_TOKENS = 64
MOST_SHOWN = 60
"""Characters of an answer that are evidence enough."""


Say = Callable[[str, float | None], None]


class Profile(Protocol):
    """What of an open application is tried."""

    @property
    def registry(self) -> Registry:
        """Empty."""
        ...

    @property
    def models(self) -> Models:
        """Registers."""
        ...

    @property
    def router(self) -> Router:
        """Asks."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Counts."""
        ...


@dataclass(frozen=True, slots=True)
class _Timed:
    """One answer: its text, and seconds to its first piece and to its end."""

    text: str
    first_s: float
    total_s: float


async def check_workflow(profile: Profile, fields: Mapping[str, object], say: Say) -> tuple[Check, ...]:
    """Try the five steps of the specification's integration test.

    Args:
        profile: nobody's, and empty; what is registered and recorded stays in it.
        fields: of the registration, with a price.
        say: told what is being tried, and how much of it is done.
    """
    say("Registering the model", 0.0)
    registered, model = await _register(profile, fields)
    if model is None:
        return (registered,)
    found = [registered, _list(profile, model)]
    began = time()
    say("Asking for code", 0.3)
    try:
        answer = await _ask(profile, model, 0)
    except BeastModeError as error:
        return (*found, Check(GENERATION, ok=False, evidence=error.message, fix=error.fix))
    found.append(_generation(answer))
    timed = [answer]
    try:
        for number in range(1, TIMED):
            say("Timing answers", 0.3 + 0.6 * number / TIMED)
            timed.append(await _ask(profile, model, number))
        found.append(_performance(timed))
    except BeastModeError as error:
        found.append(Check(PERFORMANCE, ok=False, evidence=error.message, fix=error.fix))
    say("Adding up the ledger", 0.95)
    found.append(await _costs(profile, model, began, len(timed)))
    return tuple(found)


async def _register(profile: Profile, fields: Mapping[str, object]) -> tuple[Check, ModelSpec | None]:
    try:
        report = await profile.models.register(fields, lambda _message: None)
    except BeastModeError as error:
        return Check(REGISTRATION, ok=False, evidence=error.message, fix=error.fix), None
    failed = next((check for check in report.checks if not check.ok), None)
    if not report.ok and failed is not None:
        return Check(REGISTRATION, ok=False, evidence=failed.evidence, fix=failed.fix), None
    return Check(REGISTRATION, ok=True, evidence=f"{report.model.id} was tried and saved"), report.model


def _list(profile: Profile, model: ModelSpec) -> Check:
    listed = [each for each in profile.registry.models if each.id == model.id]
    if len(listed) != 1:
        return Check(LISTING, ok=False, evidence=f"{model.id} is not in the list", fix="Report this as a defect")
    key = "its key is sealed" if listed[0].has_key else "it needs no key"
    return Check(LISTING, ok=True, evidence=f"{model.id} is listed, {key}")


def _request(model: ModelSpec, number: int) -> Request:
    """No two are the same, so that none is answered from memory."""
    if model.chat_format is not None:
        text = f"Write a Python function add_{number}(a, b) that returns the sum. Answer with the code only."
        return ChatRequest((Message("user", text),), task=Task.CHAT, model=model.id, max_tokens=MAX_TOKENS)
    hole = f"def add_{number}(a, b):\n    return "
    return FimRequest(hole, "\n", "add.py", "python", model=model.id, max_tokens=MAX_TOKENS)


async def _ask(profile: Profile, model: ModelSpec, number: int) -> _Timed:
    began, first, text = monotonic(), None, ""
    async with aclosing(profile.router.stream(_request(model, number))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                first = monotonic() if first is None else first
                text += event.text
    ended = monotonic()
    return _Timed(text, (ended if first is None else first) - began, ended - began)


def _generation(answer: _Timed) -> Check:
    shown = " ".join(answer.text.split())
    if not shown:
        return Check(GENERATION, ok=False, evidence="the answer was empty", fix="Try another model, or a longer answer")
    shown = printable(shown)
    return Check(GENERATION, ok=True, evidence=shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…")


def _performance(timed: list[_Timed]) -> Check:
    totals = sorted(each.total_s for each in timed)
    firsts = sorted(each.first_s for each in timed)
    usual = totals[len(totals) // 2]
    evidence = (
        f"{len(timed)} answers, usually {usual * 1000:.0f} ms (first text {firsts[len(firsts) // 2] * 1000:.0f} ms),"
        f" at most {totals[-1] * 1000:.0f} ms"
    )
    fast = usual < HEALTHY_SECONDS
    fix = "" if fast else "Use a smaller model or a faster machine, or keep the model loaded"
    return Check(PERFORMANCE, ok=fast, evidence=evidence, fix=fix)


async def _costs(profile: Profile, model: ModelSpec, began: float, asked: int) -> Check:
    """Whether the ledger has a row for every request, and its costs are those of its tokens by the model's price."""
    await profile.ledger.settle()
    rows = [row for row in await profile.ledger.tail(asked + 1, began - 1) if row["task"] != Task.PROBE]
    summary = await profile.ledger.summary(began - 1)
    price = model.price
    tokens = summary.input_tokens + summary.output_tokens
    if len(rows) != asked or price is None or not tokens:
        evidence = f"the ledger has {len(rows)} of {asked} requests, with {tokens} tokens"
        return Check(COSTS, ok=False, evidence=evidence, fix="Report this as a defect")
    low = (price.input * summary.input_tokens + price.output * summary.output_tokens) / 1_000_000
    right = summary.cost is not None and abs(summary.cost - low) <= _tolerance(model, summary.cost)
    counted = "estimated" if summary.estimated else "reported"
    evidence = f"{asked} requests, {tokens} tokens ({counted}) cost ${summary.cost or 0:.6f}"
    if summary.baseline_cost:
        evidence += f", and ${summary.baseline_cost:.6f} on the baseline"
    return Check(COSTS, ok=right, evidence=evidence, fix="" if right else "Report this as a defect")


def _tolerance(model: ModelSpec, cost: Decimal) -> Decimal:
    """Rounding to nano-dollars; tokens from a cache and the hours of a graphics card have prices of their own."""
    price = model.price
    if price is not None and (price.gpu_hour or price.cache_read is not None or price.cache_write is not None):
        return max(cost, Decimal(1))
    return Decimal("0.00000001")
