"""Browsers that have signed in: what their cookie holds.

A cookie names a user and a moment, and is signed with a key that is made of the user's token: it outlives a restart of
the gateway, works at every replica, and is worth nothing once the token is renewed or the user removed.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from beastmode.registry.users import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.faces.http.owner_token import OwnerToken
    from beastmode.registry.users import User, Users

COOKIE = "beastmode_session"
LIFE_S = 12 * 3600


class Sessions:
    """Signs cookies, and recognises them.

    Args:
        owner: the owner's token.
        users: everybody else's.
        clock: Unix time in seconds.
    """

    def __init__(self, owner: OwnerToken, users: Users, clock: Callable[[], float]) -> None:
        self._owner = owner
        self._users = users
        self._clock = clock

    def begin(self, user: User) -> str:
        """The value of a cookie for a user, good for LIFE_S seconds."""
        said = f"{user.name}:{int(self._clock() + LIFE_S)}"
        return f"{said}:{self._signature(user, said)}"

    def user_of(self, cookie: str) -> User | None:
        """Whose cookie it is; None where it is forged, or too old."""
        said, _, signature = cookie.rpartition(":")
        name, _, until = said.rpartition(":")
        user = OWNER if not name else next((each for each in self._users.all if each.name == name), None)
        if user is None or not self._key(user):
            return None  # without a token there is nothing that only we could have signed with
        if not hmac.compare_digest(self._signature(user, said).encode(), _bytes(signature)):
            return None
        return user if int(until) >= self._clock() else None  # it is a number, for it is ours

    def _key(self, user: User) -> str:
        return self._owner.hash if user.is_owner else user.token_hash

    def _signature(self, user: User, said: str) -> str:
        return hmac.digest(f"session {self._key(user)}".encode(), _bytes(said), "sha256").hex()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
