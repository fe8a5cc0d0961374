"""Every promise of this room holds on both databases."""

from tests.support.databases import blank, database, open_database, postgresql_server

__all__ = ["blank", "database", "open_database", "postgresql_server"]
