"""Looks whether something must be told, and tells it: what language servers, the gateway and `check` all run."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.operations.alerts.outbox import Outbox
from beastmode.operations.alerts.readings import Readings
from beastmode.operations.alerts.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.ledger.ledger import Ledger
    from beastmode.operations.alerts.outbox import Letter, Undelivered
    from beastmode.operations.alerts.rules import Rule
    from beastmode.registry.registry import Registry
    from beastmode.registry.vault import Vault
    from beastmode.store import Database

PAUSE_S = 30.0
"""Between two looks of one process."""
KEPT_DAYS = 90
KEPT_S = KEPT_DAYS * 86_400.0
"""How long the history goes back; looked after once a day."""
MOST_AT_ONCE = 8
"""Deliveries, so that a target that hangs holds up no other."""

log = logging.getLogger(__name__)


class Alerts:
    """The alerts of one database.

    Args:
        database: shared with every other process that runs them.
        ledger: what is watched.
        registry: knows the caps and the keys.
        vault: keeps the targets' addresses.
        clock: Unix seconds.
    """

    def __init__(
        self, database: Database, ledger: Ledger, registry: Registry, vault: Vault, clock: Callable[[], float]
    ) -> None:
        self.outbox = Outbox(database)
        self.targets = Targets(database, vault)
        self._readings = Readings(ledger, registry)
        self._registry = registry
        self._clock = clock
        self._tidied_at = 0.0

    async def add(self, rule: Rule) -> None:
        """Add a rule, or change the one of that name.

        Raises:
            UserError: one of its targets is not known.
            ModelNotFound: its model is not.
        """
        if rule.model and rule.model != self._registry.get(rule.model).id:
            raise UserError(f"The model is called {self._registry.get(rule.model).id}", "Write its whole id")
        for name in rule.targets:
            await self.targets.get(name)
        await self.outbox.put_rule(rule)

    async def remove(self, name: str) -> None:
        """Remove a rule; raises UserError where there is none of that name."""
        if name not in {rule.name for rule in await self.outbox.rules()}:
            raise UserError(f"There is no rule called {name}", "Run `beastmode alerts list` to see them")
        await self.outbox.remove_rule(name)

    async def run(self) -> None:
        """Look and tell until cancelled; costs one small query in half a minute where there is no rule."""
        while True:
            try:
                await self.look()
                await self.tell()
            except Exception:  # what watches must outlive what it stumbles over
                log.exception("The alerts could not be looked at")
            await asyncio.sleep(PAUSE_S * random.uniform(0.9, 1.1))  # noqa: S311 - so that not all windows look at once

    async def look(self) -> None:
        """Measure what the rules watch, and put what must be told into the outbox."""
        if await self.outbox.is_idle():
            return
        if self._clock() - self._tidied_at > KEPT_S / KEPT_DAYS:
            self._tidied_at = self._clock()
            await self.outbox.forget(self._tidied_at - KEPT_S)
        everybody = [target.name for target in await self.targets.all()]
        for rule in await self.outbox.rules():
            if not (rule.targets or everybody):
                continue  # what nobody is told must not count as told
            now = self._clock()
            readings = await self._readings.take(rule, now)
            await self.outbox.note(rule, readings, rule.targets or everybody, now)

    async def tell(self) -> None:
        """Deliver what is due."""
        while letters := await self._claimed():
            await asyncio.gather(*(self._deliver(letter) for letter in letters))

    async def lost(self) -> list[Undelivered]:
        """What has not reached its target, newest first."""
        return await self.outbox.undelivered(self._clock())

    async def unheard(self) -> list[str]:
        """The names of the rules that there is nobody to tell of."""
        if await self.targets.all():
            return []
        return [rule.name for rule in await self.outbox.rules() if not rule.targets]

    async def test(self, name: str) -> None:
        """Tell a target that this is a test, as any alert is told; raises UserError where it does not arrive."""
        target = await self.targets.get(name)
        url = await self.targets.url(name)
        text = f"Alerts of {socket.gethostname()} reach you here."
        error = await self._send(url, "BEAST MODE: a test", text, is_bad=False)
        if error is not None:
            raise UserError(f"{target.service} ({name}) was not reached: {error}", "Correct its address, and try again")

    async def _claimed(self) -> list[Letter]:
        letters: list[Letter] = []
        while len(letters) < MOST_AT_ONCE and (letter := await self.outbox.claim(self._clock())) is not None:
            letters.append(letter)
        return letters

    async def _deliver(self, letter: Letter) -> None:
        is_bad = letter.turn == "alert"
        what = "alert" if is_bad else letter.turn
        body = f"{letter.text}\n\nRule {letter.rule} on {socket.gethostname()}. More: beastmode monitor"
        try:
            url = await self.targets.url(letter.target)
        except BeastModeError as failed:
            error: str | None = str(failed)
        else:
            error = await self._send(url, f"BEAST MODE {what}: {letter.rule}", body, is_bad=is_bad)
        if error is None:
            await self.outbox.sent(letter, self._clock())
        else:
            log.warning("The alert %s did not reach %s: %s", letter.rule, letter.target, error)
            await self.outbox.failed(letter, error, self._clock())

    async def _send(self, url: str, title: str, text: str, *, is_bad: bool) -> str | None:
        from beastmode.operations.alerts.notify import deliver  # noqa: PLC0415 - seldom needed

        return await deliver(url, title, text, is_bad=is_bad)
