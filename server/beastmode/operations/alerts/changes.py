"""From a reading to what must be told: pure, so that two processes that see the same come to the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from beastmode.operations.alerts.readings import Reading
    from beastmode.operations.alerts.rules import Rule

Turn = Literal["alert", "recovered", "test"]

GAP_S = 900.0
"""When nobody has looked for so long, what was bad then and is bad now need not have been bad in between."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one subject of one rule; times are Unix seconds.

    Attributes:
        bad_since: when it became bad; None while it is good.
        is_told: whether that was told, and its end was not yet.
        told_at: when it was told the last time; None: never.
        seen_at: when it was measured.
    """

    bad_since: float | None = None
    is_told: bool = False
    told_at: float | None = None
    seen_at: float = 0.0


def step(before: State, reading: Reading, rule: Rule, now: float) -> tuple[State, Turn | None]:
    """The state after a reading of that moment, and what is to be told; an older reading than the last changes nothing.

    A rule tells when something has been bad for `for_s`; not again within `cooldown_s`, however often it comes and
    goes meanwhile; and its end, if its beginning was told.
    """
    if now < before.seen_at:
        return before, None
    after = replace(before, seen_at=now)
    if not reading.is_bad:
        ends = before.is_told and rule.recovery
        return replace(after, bad_since=None, is_told=False), "recovered" if ends else None
    is_new = before.bad_since is None or (not before.is_told and now - before.seen_at > max(GAP_S, rule.for_s))
    since = now if is_new or before.bad_since is None else before.bad_since
    after = replace(after, bad_since=since)
    is_cool = before.told_at is None or now - before.told_at >= rule.cooldown_s
    if before.is_told or now - since < rule.for_s or not is_cool:
        return after, None
    return replace(after, is_told=True, told_at=now), "alert"
