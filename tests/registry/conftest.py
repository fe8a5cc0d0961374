from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.databases import database, open_database, postgresql_server

from beastmode.registry.masters import Keyring, ScryptCost
from beastmode.registry.vault import Vault
from beastmode.store import Database

__all__ = ["database", "open_database", "postgresql_server"]

MakeVault = Callable[..., Vault]


@pytest.fixture
def make_vault(database: Database, tmp_path: Path) -> MakeVault:
    """A vault as a process would make it; cheap scrypt, because no test has a secret."""

    def make(passphrase: str | None = None, keyring: Keyring | None = None, timeout_s: float = 5) -> Vault:
        return Vault(
            database,
            key_file=tmp_path / "master.key",
            passphrase=passphrase,
            keyring=keyring,
            keyring_timeout_s=timeout_s,
            cost=ScryptCost(n=16, r=1, p=1),
        )

    return make
