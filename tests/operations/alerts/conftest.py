from __future__ import annotations

from tests.support.databases import database, open_database, postgresql_server

__all__ = ["database", "open_database", "postgresql_server"]
