"""Breakers and rooms that a user's processes share while a gateway runs; each works alone where there is none.

The gateway's process has the hub (hub.py), every other one a line to it (line.py). A breaker that changes is told to
all; a place at an endpoint is taken here first, then at the hub. A line that is lost changes nothing but that: what the
others told is known here already, and the places of this process are counted here as before.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from beastmode.domain.model import origin_of
from beastmode.router.breaker import Breaker, Breakers
from beastmode.router.room import Rooms, places_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Outcome

    Listener = Callable[[str, "State | None", object], None]


@dataclass(frozen=True, slots=True)
class State:
    """A breaker as it is told to another process, whose clock is another one.

    Attributes:
        failures, pauses: as the breaker counts them.
        open_s, probe_s: seconds that its pause and its probe still last.
        why: the last failure.
    """

    failures: int
    pauses: int
    open_s: float
    probe_s: float
    why: str

    def as_json(self) -> list[Any]:
        """For a line of JSON."""
        return list(astuple(self))

    @classmethod
    def of(cls, read: Any) -> State:
        """What such a line says.

        Raises:
            ValueError: it says something else.
        """
        failures, pauses, open_s, probe_s, why = read
        return cls(int(failures), int(pauses), float(open_s), float(probe_s), str(why))


class SharedBreakers(Breakers):
    """Tells every change to its listeners, and takes over what others tell.

    Attributes:
        listeners: called with a model, its state (None: nothing is wrong with it), and who told it (None: we).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.listeners: list[Listener] = []

    def begin(self, model_id: str) -> bool:
        """See `Breakers.begin`; a probe is told, so that the others wait for what comes of it."""
        is_probe = super().begin(model_id)
        if is_probe:
            self._tell(model_id, None)
        return is_probe

    def end(self, model_id: str, outcome: Outcome, error: AttemptFailed | None, *, was_probe: bool = True) -> None:
        """See `Breakers.end`."""
        before = self._of.get(model_id)
        known = None if before is None else astuple(before)
        super().end(model_id, outcome, error, was_probe=was_probe)
        after = self._of.get(model_id)
        if known != (None if after is None else astuple(after)):
            self._tell(model_id, None)

    def state(self, model_id: str) -> State | None:
        """How it is with a model now; None where nothing is wrong with it."""
        breaker, now = self._of.get(model_id), self._clock()
        if breaker is None:
            return None
        return State(
            breaker.failures,
            breaker.pauses,
            max(0.0, breaker.open_until - now),
            max(0.0, breaker.probe_until - now),
            breaker.why,
        )

    def states(self) -> dict[str, State]:
        """Every model that something is wrong with."""
        return {model_id: state for model_id in self._of if (state := self.state(model_id)) is not None}

    def take(self, model_id: str, state: State | None, source: object) -> None:
        """Another process saw this; the others are told."""
        if state is None:
            self._of.pop(model_id, None)
        else:
            now = self._clock()
            self._of[model_id] = Breaker(
                state.failures, state.pauses, now + state.open_s, now + state.probe_s, state.why
            )
        self._tell(model_id, source)

    def meet(self, states: dict[str, State], source: object) -> None:
        """Another process knows these from before; of what is known of a model, the worse holds."""
        for model_id, state in states.items():
            own = self.state(model_id)
            if own is None or (state.open_s, state.failures) > (own.open_s, own.failures):
                self.take(model_id, state, source)

    def _tell(self, model_id: str, source: object) -> None:
        for listener in self.listeners:
            listener(model_id, self.state(model_id), source)


class Places(Protocol):
    """Who counts the places of all processes."""

    def place(self, origin: str, places: int) -> AbstractAsyncContextManager[float]:
        """Hold one of the places at an endpoint; yields the seconds it took. Never fails."""
        ...


class SharedRooms(Rooms):
    """Asks for a place here first, then wherever the places of all processes are counted.

    Attributes:
        others: who counts them; None where this process does, or is alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.others: Places | None = None

    @asynccontextmanager
    async def place(self, model: ModelSpec, url: str) -> AsyncGenerator[float]:
        """See `Rooms.place`."""
        async with super().place(model, url) as waited:
            if self.others is None:
                yield waited
                return
            async with self.others.place(origin_of(url), places_of(model, url)) as more:
                yield waited + more
