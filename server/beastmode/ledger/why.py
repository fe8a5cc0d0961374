"""Why models were asked, and how tries failed, counted by the hour in the transaction that writes the try.

Apart from the rollups: nobody adds up times and money by these, and the rollups stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.routing import Attempt
    from beastmode.store.connection import Connection, Row

HARD = "for hard work"

_ADD = """INSERT INTO why (hour, model, task, "user", reason, error_kind, attempts) VALUES (?, ?, ?, ?, ?, ?, 1)
    ON CONFLICT (hour, model, task, "user", reason, error_kind) DO UPDATE SET attempts = why.attempts + 1"""
_TAKE = """UPDATE why SET attempts = attempts - 1
    WHERE hour = ? AND model = ? AND task = ? AND "user" = ? AND reason = ? AND error_kind = ?"""


def count(connection: Connection, hour: int, attempt: Attempt) -> None:
    """Count a try of an hour (Unix time at which it began), within the transaction that writes it."""
    why = (short(attempt.reason), attempt.error_kind or "")
    connection.execute(_ADD, (hour, attempt.model, attempt.task.value, attempt.user, *why))


def discount(connection: Connection, hour: int, row: Row) -> None:
    """Take a row of the attempts out of what was counted."""
    why = (short(row["reason"]), row["error_kind"] or "")
    connection.execute(_TAKE, (hour, row["model"], row["task"], row["user"], *why))


def short(reason: str) -> str:
    """A reason without what was measured in the single request: `for hard work (+2: …)` is `for hard work`."""
    return HARD if reason.startswith(f"{HARD} (") else reason
