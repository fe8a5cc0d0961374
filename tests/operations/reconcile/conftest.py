"""The ledger that is compared with a bill may be in either database."""

from tests.support.databases import database, open_database, postgresql_server

__all__ = ["database", "open_database", "postgresql_server"]
