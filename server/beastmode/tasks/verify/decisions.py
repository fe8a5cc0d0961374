"""What the user decided about running code, in the one database; see `consent.Decisions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.store import Database

_DECIDE = """INSERT INTO consents (workspace, kind, allowed, decided_at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)
    ON CONFLICT (workspace, kind) DO UPDATE SET allowed = excluded.allowed, decided_at = excluded.decided_at"""


class StoredDecisions:
    """Keeps the answers.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, workspace: str, kind: str) -> bool | None:
        """See `Decisions.read`."""
        rows = await self._database.read(
            "SELECT allowed FROM consents WHERE workspace = ? AND kind = ?", (workspace, kind)
        )
        return bool(rows[0]["allowed"]) if rows else None

    async def write(self, workspace: str, kind: str, allowed: bool | None) -> None:  # noqa: FBT001  # as in Decisions
        """See `Decisions.write`."""
        if allowed is None:
            statement = "DELETE FROM consents WHERE workspace = ? AND kind = ?"
            await self._database.write(statement, (workspace, kind))
            return
        await self._database.write(_DECIDE, (workspace, kind, int(allowed)))
