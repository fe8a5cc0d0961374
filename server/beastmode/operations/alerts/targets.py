"""Who is told: a name, and an address whose parts are secrets, so that it lies in the vault like an API key."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import KeyUnreadable, UserError
from beastmode.operations.alerts.notify import service_of
from beastmode.store import StoreError

if TYPE_CHECKING:
    from beastmode.registry.vault import Vault
    from beastmode.store import Database

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PUT = "INSERT INTO alert_targets (name, service, added_at) VALUES (?, ?, ?)"


class Target(NamedTuple):
    """Who is told; `service` is what people call it, such as Slack."""

    name: str
    service: str


class Targets:
    """Reads and writes them."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def all(self) -> list[Target]:
        """In the order of their names."""
        rows = await self._database.read("SELECT name, service FROM alert_targets ORDER BY name")
        return [Target(*row) for row in rows]

    async def add(self, name: str, url: str, now: float) -> Target:
        """Add a target, or give the one of that name another address.

        Raises:
            UserError: the name or the address is none, or what is told would travel in the clear.
            StoreError: nothing was stored.
        """
        if not _NAME.fullmatch(name):
            raise UserError(f"{name} is no name for a target", "Use small letters, digits, - and _")
        target = Target(name, await asyncio.to_thread(service_of, url))
        holder, bound = _sealed_as(target)
        try:
            sealed = await self._vault.statements_to_keep(url, holder, bound)
        except StoreError:  # another process may have rotated the master key meanwhile
            self._vault.forget()
            sealed = await self._vault.statements_to_keep(url, holder, bound)
        remove = ("DELETE FROM alert_targets WHERE name = ?", (name,))
        await self._database.write_all([*sealed, remove, (_PUT, (name, target.service, now))])
        return target

    async def remove(self, name: str) -> None:
        """Remove a target, its address, and what still waits for it.

        Raises:
            UserError: there is none of that name.
        """
        await self.get(name)
        await self._database.write_all(
            [
                ("DELETE FROM sealed_keys WHERE model_id = ?", (f"alert:{name}",)),
                ("DELETE FROM alert_targets WHERE name = ?", (name,)),
                ("DELETE FROM alert_deliveries WHERE target = ? AND state <> 'sent'", (name,)),
            ]
        )

    async def get(self, name: str) -> Target:
        """The target of a name; raises UserError where there is none."""
        for target in await self.all():
            if target.name == name:
                return target
        raise UserError(f"There is no target called {name}", "Run `beastmode alerts list` to see them")

    async def unreadable(self) -> list[UserError]:
        """What is wrong with each address that cannot be opened."""
        found: list[UserError] = []
        for target in await self.all():
            try:
                await self.url(target.name)
            except UserError as error:
                found.append(error)
        return found

    async def url(self, name: str) -> str:
        """Its address; raises UserError where there is no such target, or none that can be opened."""
        again = f"add it again: `beastmode alerts target {name}`"
        try:
            found = await self._vault.open(*_sealed_as(await self.get(name)))
        except KeyUnreadable:
            fix = f"Restore ENCRYPTION_KEY or the key file it was sealed with, or {again}"
            raise UserError(f"The address of {name} cannot be opened on this machine", fix) from None
        if found is None:
            raise UserError(f"The address of {name} is gone", f"A{again[1:]}")
        return found


def _sealed_as(target: Target) -> tuple[str, str]:
    """Whose secret it is, and where alone it may go: another row's bytes do not open."""
    return f"alert:{target.name}", f"alert:{target.service}"
