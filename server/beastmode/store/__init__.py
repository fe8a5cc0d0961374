"""The database behind registry, ledger and sessions: its engines, its schema, its writer."""

from beastmode.store.connection import Connection, Row
from beastmode.store.database import Database
from beastmode.store.faults import StoreError

__all__ = ["Connection", "Database", "Row", "StoreError"]
