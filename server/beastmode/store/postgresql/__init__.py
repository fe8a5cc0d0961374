"""PostgreSQL: one database for a team, behind the same face as the SQLite file."""

from beastmode.store.postgresql.engine import open_url

__all__ = ["open_url"]
