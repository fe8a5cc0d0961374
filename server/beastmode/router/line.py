"""A process's line to the hub: open while a gateway runs, and never in anybody's way where none does."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from beastmode.router import wiring
from beastmode.router.shared import State

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from beastmode.router.shared import SharedBreakers, SharedRooms

DEAF_S = 0.25
"""A hub that has said nothing for so long, though it was asked, hangs: this process goes on alone."""

log = logging.getLogger(__name__)


class Line:
    """Connects when it is told to look and there is somebody; `rooms.others` while it is open.

    Args:
        folder: where the hub listens.
        breakers: of this process's router.
        rooms: the same.
    """

    def __init__(self, folder: Path, breakers: SharedBreakers, rooms: SharedRooms) -> None:
        self._folder = folder
        self._breakers = breakers
        self._rooms = rooms
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._heard_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether this process shares now."""
        return self._writer is not None

    def look(self) -> None:
        """Begin to connect where there may be a hub and there is no line yet. Never fails, never waits."""
        if self._task is None and wiring.is_there(self._folder):
            self._task = asyncio.create_task(self._live())

    async def aclose(self) -> None:
        """Let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @asynccontextmanager
    async def place(self, origin: str, places: int) -> AsyncGenerator[float]:
        """Hold one of the places of all processes; at once where the line is lost, now or while it waits."""
        if not self.is_open:
            yield 0.0
            return
        began = monotonic()
        self._number += 1
        number, granted = self._number, asyncio.get_running_loop().create_future()
        self._waiting[number] = granted
        self._send({"take": number, "origin": origin, "places": places})
        try:
            await self._granted(granted, began)
            yield monotonic() - began
        finally:
            self._waiting.pop(number, None)
            self._send({"free": number})

    async def _granted(self, granted: asyncio.Future[None], asked_at: float) -> None:
        while True:
            await asyncio.wait((granted,), timeout=DEAF_S)
            if granted.done():
                return
            if self._heard_at < asked_at:
                log.warning("The gateway hangs; requests go on without it")
                self._lost()
                return
            asked_at = monotonic()
            self._send({"ping": 0})

    def _tell(self, model_id: str, state: State | None, source: object) -> None:
        if source is not self:
            self._send({"breaker": model_id, "state": None if state is None else state.as_json()})

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(wiring.encoded(message))

    async def _live(self) -> None:
        """One connection, from its beginning to its end."""
        try:
            reader, writer = await wiring.connect(self._folder)
            try:
                # Nothing is asked of a hub that has not said a word: its process may hang.
                message = await wiring.received(reader)
                if message is not None:
                    self._open(writer)
                while message is not None:
                    self._heard_at = monotonic()
                    self._heard(message)
                    message = await wiring.received(reader)
            finally:
                self._lost()
                writer.close()
        except wiring.Refused:
            pass
        except (ValueError, TypeError, LookupError):
            log.warning("The gateway said something about the router that nobody understands")
        finally:
            self._task = None

    def _open(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._rooms.others = self
        self._breakers.listeners.append(self._tell)
        self._send({"states": {name: state.as_json() for name, state in self._breakers.states().items()}})

    def _heard(self, message: dict[str, Any]) -> None:
        match message:
            case {"granted": int(number)}:
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
            case {"breaker": str(model_id), "state": state}:
                self._breakers.take(model_id, None if state is None else State.of(state), self)
            case {"states": dict(states)}:
                self._breakers.meet({str(name): State.of(state) for name, state in states.items()}, self)
            case _:
                pass

    def _lost(self) -> None:
        """From this moment on this process is alone; whoever waits for a place has one."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        self._rooms.others = None
        self._breakers.listeners.remove(self._tell)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        writer.close()
