"""How often each user may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.registry.users import User

MINUTE = 60.0


class _Bucket(NamedTuple):
    """Requests that are left, as of a moment."""

    left: float
    at: float


class Rates:
    """A bucket a user, that fills up within a minute.

    Args:
        clock: monotonic seconds.
        told: of every request that is counted, by the user's name.
    """

    def __init__(self, clock: Callable[[], float], told: Callable[[str], None] = lambda _user: None) -> None:
        self._clock = clock
        self._told = told
        self._of: dict[str, _Bucket] = {}

    def take(self, user: User) -> float:
        """Count a request; 0 where it may be made, else the seconds until one may."""
        most = user.requests_per_minute
        if most is None:
            return 0.0
        now = self._clock()
        bucket = self._of.get(user.name, _Bucket(most, now))
        left = min(most, bucket.left + (now - bucket.at) * most / MINUTE)
        self._of[user.name] = _Bucket(left - 1 if left >= 1 else left, now)
        if left >= 1:
            self._told(user.name)
        return 0.0 if left >= 1 else (1 - left) * MINUTE / most

    def elsewhere(self, user: str, requests: int) -> None:
        """Count requests that a user has made at other gateways; nothing is owed for more than a bucket's worth."""
        bucket = self._of.get(user)
        if bucket is not None:
            self._of[user] = _Bucket(max(0.0, bucket.left - requests), bucket.at)
