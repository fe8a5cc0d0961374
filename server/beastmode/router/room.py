"""How many requests an endpoint takes at once; the rest wait here, where a newer keystroke can still recall them.

A local server that gets more than it has slots for slows every answer down, or refuses.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.domain.model import BUILTIN_ID, is_loopback, origin_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.domain.model import ModelSpec

BUILTIN_SLOTS, LOCAL, HOSTED = 2, 4, 16
"""Where the user did not say."""


class Rooms:
    """A number of places for each endpoint; whoever is cancelled while it waits gives its turn away.

    Attributes:
        under_way: requests that hold a place now.
    """

    def __init__(self) -> None:
        self._of: dict[tuple[str, int], asyncio.Semaphore] = {}
        self.under_way = 0

    def room(self, origin: str, places: int) -> asyncio.Semaphore:
        """The places at an endpoint."""
        room = self._of.get((origin, places))
        if room is None:
            room = self._of[origin, places] = asyncio.Semaphore(places)
        return room

    @asynccontextmanager
    async def place(self, model: ModelSpec, url: str) -> AsyncGenerator[float]:
        """Hold a place at an endpoint; yields the seconds it took to get one."""
        room = self.room(origin_of(url), places_of(model, url))
        began = monotonic() if room.locked() else None
        async with room:
            self.under_way += 1
            try:
                yield 0.0 if began is None else monotonic() - began
            finally:
                self.under_way -= 1


def places_of(model: ModelSpec, url: str) -> int:
    """How many requests an endpoint takes at once."""
    if model.max_concurrent is not None:
        return model.max_concurrent
    if model.id == BUILTIN_ID:
        return BUILTIN_SLOTS
    return LOCAL if is_loopback(url) else HOSTED
