"""How things are now: puts the status together, and remembers what went wrong last."""

from __future__ import annotations

import logging
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING

from beastmode.domain.errors import Resting
from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel, Outcome
from beastmode.ledger.days import FOREVER, midnight
from beastmode.operations.status import Notice, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Attempt
    from beastmode.embedded import Embedded
    from beastmode.ledger.ledger import Ledger
    from beastmode.operations.workspace import Workspace
    from beastmode.registry import Registry, Vault
    from beastmode.router.breaker import Breakers
    from beastmode.router.health import HealthBook
    from beastmode.router.room import Rooms

log = logging.getLogger(__name__)


class Condition:
    """An observer of the router that can say how things are.

    Args:
        registry: which model is selected.
        vault: where the keys are sealed.
        embedded: whether the built-in model is there, and starting.
        workspace: what its indexes do.
        ledger: today's figures.
        health: how each model does.
        breakers: which ones rest.
        rooms: how many requests are under way.
        undelivered: counts alerts that did not arrive.
        notices: what the user should know about the start.
        changed: called after every try, on the event loop.
    """

    def __init__(
        self,
        registry: Registry,
        vault: Vault,
        embedded: Embedded,
        workspace: Workspace,
        *,
        ledger: Ledger,
        health: HealthBook,
        breakers: Breakers,
        rooms: Rooms,
        undelivered: Callable[[], Awaitable[int]],
        notices: Sequence[Notice],
        changed: Callable[[], None],
    ) -> None:
        self.notices = list(notices)
        self._registry, self._vault, self._embedded, self._workspace = registry, vault, embedded, workspace
        self._ledger, self._health, self._breakers, self._rooms = ledger, health, breakers, rooms
        self._undelivered = undelivered
        self._changed = changed
        self._trouble: Notice | None = None

    async def status(self) -> Status:
        """One picture of how things are."""
        await self._vault.look()
        since = midnight(time())
        today = await self._ledger.summary(since)
        acceptance = await self._ledger.acceptance(since, FOREVER, "model")
        silence = await self._ledger.silence(since, FOREVER)
        undelivered = await self._undelivered()
        # From here on nothing is awaited, so that the parts fit each other.
        model = self._registry.selected(Task.INLINE)
        return Status(
            activity="loading" if self._embedded.starting else "working" if self._rooms.under_way else "idle",
            model=model,
            health=self._health_of(model) if model else Health(HealthLevel.UNKNOWN),
            today=today,
            acceptance=acceptance.total,
            silence=silence,
            indexes=self._workspace.states(),
            notice=self._notice(model),
            key_source=self._vault.source,
            undelivered=undelivered,
        )

    def report(self, error: BeastModeError) -> None:
        """Something went wrong while the user typed: said in the log once, and in the status until it is over."""
        if self._trouble is not None and (isinstance(error, Resting) or self._trouble.text == error.message):
            return  # what made it rest is said already
        log.warning("%s", error)
        self._trouble = Notice(error.message, error.fix)

    async def observe(self, attempt: Attempt) -> None:
        """Take note of a try: an answer of the selected model ends the trouble."""
        selected = self._registry.selected(attempt.task)
        if attempt.outcome is Outcome.OK and not attempt.cached and selected and attempt.model == selected.id:
            self._trouble = None
        self._changed()

    def _health_of(self, model: ModelSpec) -> Health:
        health, rest = self._health.of(model.id), self._breakers.resting(model.id)
        if rest is None:
            return health
        return replace(health, issues=(*health.issues, f"left alone for {rest[0]:.0f} s more"))

    def _notice(self, model: ModelSpec | None) -> Notice | None:
        if model is not None and model.id == BUILTIN_ID and not self._embedded.fetched:
            return Notice(
                "The built-in model is not downloaded",
                f"Download it once ({self._embedded.download_size // 1_000_000} MB), or register a model of your own",
                "beastmode.models.fetch",
            )
        return self._trouble or (self.notices[0] if self.notices else None)
