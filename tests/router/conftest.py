"""The caps hold on both databases."""

from tests.support.databases import database, open_database, postgresql_server

__all__ = ["database", "open_database", "postgresql_server"]
