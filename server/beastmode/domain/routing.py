"""How a request finds a model, and what is known of each try."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from beastmode.domain.usage import Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Task
    from beastmode.domain.usage import Price


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be asked, and why it is on the list."""

    model: ModelSpec
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allows the router to spend.

    A fallback that costs money is asked only with `allow_paid_fallback`, and nothing paid for is asked where it could
    pass a cap: US dollars in a day and in a month of the user's time zone, None for no cap.
    """

    allow_paid_fallback: bool = False
    daily_cap: Decimal | None = None
    monthly_cap: Decimal | None = None


class Outcome(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller went away: a newer keystroke, a stop button, a closed editor. Says nothing about the model."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one model; one row of the ledger.

    Times are seconds; `started_at` is Unix time. A time that was never reached is None; `queue_s` is the wait for the
    endpoint to have room and part of `total_s`, `connect_s` what connecting took (0 on a kept connection). `estimated`
    says that the tokens were counted by us because the endpoint did not report them. `cost` is in dollars by `price`,
    `baseline_cost` what the same tokens cost on the baseline model; None where no price is known. `cached` is an answer
    from memory, at no cost. `masked` counts secrets kept from the endpoint. `user` is who asked; '' is the owner of
    this machine.
    """

    id: str
    request_id: str
    task: Task
    model: str
    provider: str
    origin: str
    reason: str
    started_at: float
    outcome: Outcome
    total_s: float
    connect_s: float | None = None
    first_token_s: float | None = None
    error_kind: str | None = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    estimated: bool = False
    cost: Decimal | None = None
    queue_s: float = 0.0
    price: Price | None = None
    baseline_cost: Decimal | None = None
    cached: bool = False
    masked: int = 0
    user: str = ""


class HealthLevel(StrEnum):
    """The specification's levels, and one for a model that has not been asked yet."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Health:
    """How a model does, and why we say so: one sentence an issue."""

    level: HealthLevel
    issues: tuple[str, ...] = ()
