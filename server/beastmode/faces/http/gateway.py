"""What every route of the gateway needs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.faces.http.folders import Folders
    from beastmode.faces.http.monitoring import Metrics
    from beastmode.faces.http.owner_token import OwnerToken
    from beastmode.faces.http.rates import Rates
    from beastmode.faces.http.sessions import Sessions
    from beastmode.registry.users import Users
    from beastmode.settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """Who may reach the gateway, and by which names.

    Attributes:
        hosts: what a request's Host may be, lower case, with the port where there is one in it.
        writes: the owner lets requests change files of the workspaces.
        is_secure: clients come over TLS, ours or a proxy's.
    """

    hosts: frozenset[str]
    writes: bool = False
    is_secure: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """Made once, by `server.opened`.

    Attributes:
        app: everything that answers.
        access: who may reach it.
        owner: recognises the owner's token.
        sessions: of browsers that have signed in.
        rates: how often each user may ask.
        folders: the workspaces that the owner named.
        metrics: of this process.
        ending: set when the gateway is told to end; what lasts until the client goes away ends then too.
    """

    app: App
    access: Access
    owner: OwnerToken
    sessions: Sessions
    rates: Rates
    folders: Folders
    metrics: Metrics
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def users(self) -> Users:
        """Who may ask besides the owner."""
        return self.app.registry.users

    @property
    def settings(self) -> Settings:
        """The owner's."""
        return self.app.settings
