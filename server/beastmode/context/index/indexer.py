"""The server's end of the process that keeps an index: starts it, tells it things, starts it again when it dies."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Literal

from beastmode.context.index.life import Life
from beastmode.context.index.order import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Activity = Literal["off", "starting", "indexing", "idle", "paused", "shared", "done"]

_LONG_S = 600.0
"""A process that lived longer, in seconds, has a new set of tries."""


@dataclass(frozen=True, slots=True)
class State:
    """How the index is.

    Attributes:
        activity: `shared` where another window keeps it, `off` where nobody does.
        done: files that are up to date, of `total`.
        reason: why it is off, '' otherwise.
    """

    activity: Activity = "off"
    done: int = 0
    total: int = 0
    reason: str = ""


class Indexer:
    """Keeps the index of one workspace fresh.

    Args:
        root: the workspace.
        folder: where indexes live.
        share: of one processor, at most; 1 where somebody waits for it.
        once: bring it up to date, and end.
        pauses: seconds before each new try after the process has died; then it stays off.
        changed: called on the event loop when the state is another.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        share: float = 0.5,
        once: bool = False,
        pauses: Sequence[float] = (1.0, 10.0, 60.0),
        changed: Callable[[State], None] = lambda _: None,
    ) -> None:
        self._order = Order(str(root), str(folder), share, once)
        self._folder = folder
        self._pauses = tuple(pauses)
        self._changed = changed
        self._state = State()
        self._paused = False
        self._task: asyncio.Task[None] | None = None
        self._life: Life | None = None

    @property
    def state(self) -> State:
        """How it is now."""
        return self._state

    def start(self) -> None:
        """Begin; harmless where it has begun. Needs a running event loop."""
        if self._task is None or self._task.done():
            self._show(State("starting"))
            self._task = asyncio.create_task(self._keep(), name="beastmode-indexer")

    def pause(self) -> None:
        """Read nothing more until `resume`: the machine is on battery."""
        self._paused = True
        self._say("pause")

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._say("resume")

    def touched(self, path: Path | str) -> None:
        """A file was written, made or deleted; costs next to nothing."""
        self._say("touched", str(path))

    async def finished(self) -> State:
        """Wait until it has ended by itself: with `once`, or because it cannot go on; how it is then."""
        if self._task is not None:
            await asyncio.wait([self._task])
        return self._state

    async def aclose(self) -> None:
        """End it, and wait until it is gone. Closing twice is harmless."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        self._show(State())

    async def _keep(self) -> None:
        tries = farthest = 0
        while True:
            self._show(State("starting"))
            began = monotonic()
            try:
                code = await self._run()
            except OSError as error:
                self._show(State("off", reason=f"The indexing process cannot be started: {error}"))
                return
            if code == 0 and self._order.once:
                return
            # To die of one file after another is progress too: each is left out once it has done so twice.
            got_on = self._state.done > farthest or monotonic() - began > _LONG_S
            tries, farthest = 1 if got_on else tries + 1, max(farthest, self._state.done)
            if tries > len(self._pauses):
                reason = self._state.reason or f"The indexing process ended with code {code}"
                self._show(State("off", reason=f"{reason}. It was tried {tries} times"))
                return
            await asyncio.sleep(self._pauses[tries - 1])

    async def _run(self) -> int:
        """One life of the process; its exit code."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._life = life = Life(self._order, self._folder, self._hear)
        try:
            if self._paused:
                self._say("pause")
            return await asyncio.shield(life.ended)
        finally:
            self._life = None
            await life.end()

    def _hear(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            if said["state"] == "failed":
                self._show(replace(self._state, reason=str(said["reason"])))
            else:
                self._show(State(said["state"], int(said["done"]), int(said["total"])))
        except (ValueError, KeyError, TypeError):
            return  # printed by a library

    def _say(self, do: str, path: str = "") -> None:
        if self._life is not None:  # else it will look at everything when it starts
            self._life.say(json.dumps({"do": do, "path": path}).encode() + b"\n")

    def _show(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._changed(state)
