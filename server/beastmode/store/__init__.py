"""The database behind registry, ledger and sessions: its file, its schema, its writer."""

from beastmode.store.database import Database
from beastmode.store.faults import StoreError

__all__ = ["Database", "StoreError"]
