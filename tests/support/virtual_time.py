"""An event loop whose time passes only while nothing else can happen: a second of waiting takes none.

Sockets are real. Before the time moves on, whatever is on its way through the kernel gets a real moment (`grace_s`) to
arrive; with no sockets it can be 0.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")


class _Selector(selectors.DefaultSelector):
    def __init__(self, grace_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self._grace_s = grace_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if found or timeout <= 0:
            return found
        found = super().select(self._grace_s)
        if not found:
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, grace_s: float = 0.0) -> None:
        self._clock = _Selector(grace_s)
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def block(self, seconds: float) -> None:
        """Let time pass in which the program does nothing else, as a pause for garbage or a busy machine does."""
        self._clock.now += seconds


def run_virtually(work: Coroutine[Any, Any, Result], grace_s: float = 0.0) -> Result:
    """Run to the end, in as little real time as it takes."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(grace_s)) as runner:
        return runner.run(work)
