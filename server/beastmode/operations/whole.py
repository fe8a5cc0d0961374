"""All that runs, as those operations see it that look at everything: an App is one, and they do not know it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from beastmode.embedded import Embedded
    from beastmode.ledger.ledger import Ledger
    from beastmode.operations.alerts.alerts import Alerts
    from beastmode.operations.check import LastCheck
    from beastmode.operations.models import Models
    from beastmode.registry import Registry, Vault
    from beastmode.settings import Settings


class Whole(Protocol):
    """Open; what each part is says its own class."""

    settings: Settings
    registry: Registry
    vault: Vault
    embedded: Embedded
    ledger: Ledger
    models: Models

    @property
    def database_name(self) -> str:
        """The path of the database's file, or where else it is."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Watches, and tells the user's targets."""
        ...

    @property
    def last_check(self) -> LastCheck:
        """What was found the last time."""
        ...
