"""Models and providers as rows, and the vault that keeps their keys."""

from beastmode.registry.registry import Registry
from beastmode.registry.system_keyring import SystemKeyring
from beastmode.registry.vault import Vault

__all__ = ["Registry", "SystemKeyring", "Vault"]
