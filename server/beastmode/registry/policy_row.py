"""What the user allows to be spent, as the one row of its table and back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.routing import Policy

if TYPE_CHECKING:
    from beastmode.store.connection import Row
    from beastmode.store.writer import Statement

SELECT_POLICY = "SELECT allow_paid_fallback, daily_cap, monthly_cap FROM policy"
_UPDATE = "UPDATE policy SET allow_paid_fallback = ?, daily_cap = ?, monthly_cap = ?"


def statement_to_store(policy: Policy) -> Statement:
    """Write the row.

    Raises:
        UserError: a cap is not an amount of money.
    """
    caps = (policy.daily_cap, policy.monthly_cap)
    if any(cap is not None and (not cap.is_finite() or cap < 0) for cap in caps):
        raise UserError("A cap must be a number of US dollars, 0 or more", "Enter one such as 5, or none")
    return _UPDATE, (int(policy.allow_paid_fallback), *(None if cap is None else format(cap, "f") for cap in caps))


def policy_of(row: Row) -> Policy:
    """The policy of a row of SELECT_POLICY."""
    caps = (row["daily_cap"], row["monthly_cap"])
    return Policy(bool(row["allow_paid_fallback"]), *(None if cap is None else Decimal(cap) for cap in caps))
