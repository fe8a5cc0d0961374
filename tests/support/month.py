"""A month of traffic in a ledger, the same one for the same seed: what the dashboard and reports are looked at with.

Three models of one's own and a provider, office hours and weekends, a bad afternoon, a model that got slower, an
endpoint that went away. `python -m tests.support.month UNTIL` fills the database of BEASTMODE_HOME up to a moment
(Unix time) and registers the models.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome, Policy
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.feedback import Fate, Showing, write
from beastmode.ledger.prices import price_id
from beastmode.ledger.rows import Baseline, record
from beastmode.settings import load
from beastmode.store.connection import Connection

DAY = 86_400
DAYS = 30
LATELY_S = 850
"""The end of the month, in which every few seconds somebody asks: health is judged by a quarter of an hour."""
SEED = 20_261_129
BASELINE = "openai:gpt-4"
_LANGUAGES = ("python", "python", "typescript", "go")


class Kind(NamedTuple):
    """A model, and how it behaves: seconds of the median answer, the share that fails, how much of it all it gets."""

    id: str
    name: str
    endpoint: str
    price: Price | None
    median_s: float
    fails: float
    share: float


def _price(read: str, written: str) -> Price:
    return Price(Decimal(read), Decimal(written), date(2026, 1, 1), "user")


CODER = Kind(
    "custom:qwen-coder-7b", "Qwen Coder 7B", "http://127.0.0.1:8001/v1", _price("0.05", "0.15"), 0.35, 0.01, 0.62
)
TEAM = Kind(
    "custom:deepseek-team", "DeepSeek (team)", "http://10.20.0.5:8000/v1", _price("0.28", "0.88"), 1.6, 0.03, 0.22
)
SPARE = Kind("custom:starcoder-spare", "StarCoder spare", "http://127.0.0.1:8003/v1", _price("0", "0"), 0.8, 0.08, 0.1)
HIRED = Kind("openai:gpt-4o-mini", "", "https://api.openai.com", _price("0.15", "0.6"), 0.9, 0.005, 0.06)
KINDS = (CODER, TEAM, SPARE, HIRED)
_TASKS = {CODER.id: Task.INLINE, TEAM.id: Task.CHAT, SPARE.id: Task.INLINE, HIRED.id: Task.CHAT}
_REASONS = {
    CODER.id: ("selected for inline",),
    TEAM.id: (
        "selected for chat",
        "selected for chat",
        "selected for refactor",
        "for hard work (+2: the task is tests)",
    ),
    SPARE.id: ("fallback for inline",),
    HIRED.id: ("fallback for chat", "named by the request"),
}
_ERRORS = {
    "timed_out": "accepted the request but sent no text within 30 s",
    "rate_limited": "answered 429: too many requests",
    "server_failed": "answered 503: the model is being loaded",
    "unreachable": "refused the connection",
}


def traffic(until: float, chance: random.Random, busy: int = 420) -> Iterator[Attempt]:
    """Tries of the last thirty days before a moment (Unix time), oldest first; about `busy` on a working day."""
    first = int(until // DAY) - DAYS + 1
    number = 0
    for day in range(first, first + DAYS):
        is_weekend = (day + 3) % 7 >= 5
        moments = []
        for _ in range(int(busy * chance.uniform(0.75, 1.25) * (0.12 if is_weekend else 1))):
            hour = min(max(chance.gauss(13, 3.2), 0), 23.99)
            moments.append(day * DAY + hour * 3600 + chance.random() * 60)
        for moment in sorted(moments):
            if moment < until - LATELY_S:
                number += 1
                yield _attempt(number, moment, (day - first) / DAYS, chance)
    for step in range(40):
        number += 1
        yield _lately(_attempt(number, until - LATELY_S + 20 * step, 1.0, chance), step)


def _lately(attempt: Attempt, step: int) -> Attempt:
    """As the models do now: one is well, one is slow, one has gone away, and the provider stays out of it."""
    if attempt.model == SPARE.id and step % 3:
        error = f"{attempt.origin} {_ERRORS['unreachable']}"
        gone = {"error_kind": "unreachable", "error": error, "connect_s": None, "first_token_s": None, "usage": Usage()}
        return replace(attempt, outcome=Outcome.FAILED, cost=None, estimated=False, **gone)
    return replace(attempt, total_s=attempt.total_s + 3.5) if attempt.model == TEAM.id else attempt


def _attempt(number: int, moment: float, age: float, chance: random.Random) -> Attempt:
    kind = chance.choices(KINDS, [kind.share for kind in KINDS])[0]
    task = _TASKS[kind.id]
    reason = chance.choice(_REASONS[kind.id])
    bad_day = 0.25 if kind is TEAM and 0.55 < age < 0.6 else 0.0
    gone = 0.5 if kind is SPARE and age > 0.9 else 0.0
    outcome, error_kind = Outcome.OK, None
    if task is Task.INLINE and chance.random() < 0.3:
        outcome = Outcome.CANCELLED
    elif chance.random() < kind.fails + bad_day + gone:
        outcome = Outcome.FAILED
        error_kind = "unreachable" if gone else chance.choice(("timed_out", "rate_limited", "server_failed"))
    slower = 1 + (0.8 * age if kind is TEAM else 0)
    total_s = kind.median_s * slower * chance.lognormvariate(0, 0.45)
    is_whole, is_refused = outcome is Outcome.OK, error_kind not in {None, "timed_out"}
    usage = Usage(chance.randrange(300, 3000), chance.randrange(20, 90 if task is Task.INLINE else 900))
    if not is_whole:
        # Who refused has read nothing; who was too slow, or was broken off, has.
        usage = Usage() if is_refused else Usage(usage.input_tokens, 0)
    return Attempt(
        id=f"a{number:06}",
        request_id=f"r{number:06}",
        task=task,
        model=kind.id,
        provider="openai" if kind is HIRED else "openai-compatible",
        origin=kind.endpoint.removesuffix("/v1"),
        reason=reason,
        started_at=moment,
        outcome=outcome,
        total_s=total_s,
        connect_s=None if is_refused else 0.003,
        first_token_s=total_s * 0.4 if is_whole else None,
        error_kind=error_kind,
        error=f"{kind.endpoint.removesuffix('/v1')} {_ERRORS[error_kind]}" if error_kind else None,
        usage=usage,
        estimated=not is_whole and not is_refused,
        price=kind.price,
        cost=kind.price.cost(usage, total_s) if kind.price else None,
    )


def _showing(attempt: Attempt, chance: random.Random) -> Showing:
    luck = chance.random() * (1.0 if attempt.model == CODER.id else 1.4)
    fate = next(fate for fate, below in _FATES if luck < below)
    used = {Fate.ACCEPTED: 60, Fate.PARTIAL: 25}.get(fate, 0)
    return Showing(
        id=attempt.id,
        request_id=attempt.request_id,
        model=attempt.model,
        language=chance.choice(_LANGUAGES),
        trigger="automatic",
        shown_at=attempt.started_at + attempt.total_s,
        shown_chars=60,
        fate=fate,
        used_chars=used,
        used_at=attempt.started_at + attempt.total_s + 1 if used else None,
        kept_5min=chance.randrange(600, 1001) if used else None,
    )


_FATES = ((Fate.ACCEPTED, 0.27), (Fate.PARTIAL, 0.34), (Fate.TYPED, 0.42), (Fate.REJECTED, 0.6), (Fate.IGNORED, 9.0))


def fill(connection: Connection, until: float, busy: int = 420) -> None:
    """Write the month into an open database; within one transaction."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    price = Price(Decimal(30), Decimal(60), date(2026, 1, 1), "test")
    baseline = Baseline(BASELINE, price, price_id(connection, BASELINE, price))
    for attempt in traffic(until, chance, busy):
        record(connection, attempt, baseline)
        if attempt.task is Task.INLINE and attempt.outcome is Outcome.OK:
            write(connection, [_showing(attempt, chance)])


async def main(until: float) -> None:
    """Fill the database of the settings, register the models and set caps."""
    settings, _ = load(os.environ)
    app = await App.open(settings)
    try:
        for kind in KINDS:
            if kind.name:
                upstream = kind.id.removeprefix("custom:")
                spec = ModelSpec(
                    kind.id,
                    kind.name,
                    "openai-compatible",
                    kind.endpoint,
                    upstream,
                    "openai_chat",
                    None,
                    price=kind.price,
                )
                await app.registry.add(spec, None)
        await app.registry.select(CODER.id)
        await app.registry.set_policy(Policy(daily_cap=Decimal("0.05"), monthly_cap=Decimal(3)))
        await app._database.transact(lambda connection: fill(connection, until))
    finally:
        await app.close()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
