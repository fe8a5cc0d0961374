"""One-time codes that sign a browser in as the owner, for whoever can write the owner's database.

The editor's language server makes one and opens the dashboard with it; the gateway, another process, takes it. Only the
code's hash is stored, and a code is taken once, within a minute.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.store import Database
    from beastmode.store.connection import Connection

LIFE_S = 60.0

_PUT = "INSERT INTO sign_in_codes (code_hash, expires_at) VALUES (?, ?)"
_TAKE = "DELETE FROM sign_in_codes WHERE code_hash = ? AND expires_at > ?"
_TIDY = "DELETE FROM sign_in_codes WHERE expires_at <= ?"


class SignInCodes:
    """Makes codes and takes them.

    Args:
        database: that both processes share.
        clock: Unix time in seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def make(self) -> str:
        """A code: 192 random bits, good for LIFE_S seconds."""
        code = secrets.token_urlsafe(24)
        now = self._clock()
        await self._database.write_all([(_TIDY, (now,)), (_PUT, (_hash(code), now + LIFE_S))])
        return code

    async def take(self, code: str) -> bool:
        """Whether the code is good; it is not any more from then on."""

        def take(connection: Connection) -> bool:
            return connection.execute(_TAKE, (_hash(code), now)).rowcount > 0

        now = self._clock()
        return await self._database.transact(take)


def _hash(code: str) -> str:
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
