"""The gateway's side: counts the places of all processes in its own rooms, and passes on what breakers tell."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from beastmode.router import wiring
from beastmode.router.shared import State

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.router.shared import SharedBreakers, SharedRooms

MOST_PLACES = 100_000
"""At one endpoint; what is more was not read from a model's row."""

log = logging.getLogger(__name__)


class Hub:
    """Made by `open`.

    Args:
        breakers: of the gateway's own router.
        rooms: the same.
    """

    def __init__(self, breakers: SharedBreakers, rooms: SharedRooms) -> None:
        self._breakers = breakers
        self._rooms = rooms
        self._members: set[_Member] = set()
        self._server: asyncio.Server | None = None
        self._file: Path | None = None

    @classmethod
    async def open(cls, folder: Path, breakers: SharedBreakers, rooms: SharedRooms) -> Hub:
        """Listen in a folder that only this user can read.

        Raises:
            OSError: it cannot be.
        """
        hub = cls(breakers, rooms)
        hub._server, hub._file = await wiring.listen(folder, hub._met)
        breakers.listeners.append(hub._tell)
        return hub

    @property
    def members(self) -> int:
        """How many processes share now."""
        return len(self._members)

    async def aclose(self) -> None:
        """Let every process go on alone. Closing twice is harmless."""
        if self._server is None or self._file is None:
            return
        server, self._server = self._server, None
        server.close()
        self._breakers.listeners.remove(self._tell)
        with suppress(OSError):
            self._file.unlink()
        readers = [member.reader for member in self._members]
        for member in self._members:
            member.abort()
        await asyncio.gather(*readers, return_exceptions=True)

    def _tell(self, model_id: str, state: State | None, source: object) -> None:
        message = {"breaker": model_id, "state": None if state is None else state.as_json()}
        for member in self._members:
            if member is not source:
                member.send(message)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reading = asyncio.current_task()
        assert reading is not None  # noqa: S101 - for the type checker
        member = _Member(reading, writer, self._rooms)
        self._members.add(member)
        member.send({"states": {name: state.as_json() for name, state in self._breakers.states().items()}})
        try:
            while (message := await wiring.received(reader)) is not None:
                self._heard(member, message)
        except (ValueError, TypeError, LookupError):
            log.warning("A process that shares the router said something that nobody understands")
        finally:
            self._members.discard(member)
            member.close()

    def _heard(self, member: _Member, message: dict[str, Any]) -> None:
        match message:
            case {"take": int(number), "origin": str(origin), "places": int(places)} if 0 < places <= MOST_PLACES:
                member.take(number, origin, places)
            case {"free": int(number)}:
                member.free(number)
            case {"breaker": str(model_id), "state": state}:
                self._breakers.take(model_id, None if state is None else State.of(state), member)
            case {"states": dict(states)}:
                self._breakers.meet({str(name): State.of(state) for name, state in states.items()}, member)
            case {"ping": _}:
                member.send({"pong": 0})
            case _:
                raise ValueError(message)


class _Member:
    """One process: what it is told, and the places that it holds or waits for."""

    def __init__(self, reader: asyncio.Task[Any], writer: asyncio.StreamWriter, rooms: SharedRooms) -> None:
        self.reader = reader
        self._writer = writer
        self._rooms = rooms
        self._places: dict[int, asyncio.Task[None]] = {}

    def send(self, message: dict[str, Any]) -> None:
        """Tell it something, if it is still there."""
        if not self._writer.is_closing():
            self._writer.write(wiring.encoded(message))

    def take(self, number: int, origin: str, places: int) -> None:
        """It wants a place: it is told at once where it has to wait, and when it has one."""
        room = self._rooms.room(origin, places)
        if room.locked():
            self.send({"queued": number})
        self._places[number] = asyncio.create_task(self._hold(number, room))

    def free(self, number: int) -> None:
        """It needs the place no longer."""
        task = self._places.pop(number, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """It has gone, and what it held is free."""
        for number in list(self._places):
            self.free(number)
        self._writer.close()

    def abort(self) -> None:
        """The gateway ends."""
        self._writer.transport.abort()

    async def _hold(self, number: int, room: asyncio.Semaphore) -> None:
        async with room:
            self.send({"granted": number})
            await asyncio.get_running_loop().create_future()  # until it is cancelled
