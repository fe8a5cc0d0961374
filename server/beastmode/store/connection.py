"""What is asked of a connection to a database, whichever it is: Python's own `sqlite3` is the pattern.

SQL is written so that SQLite and PostgreSQL both understand it, with `?`, `?1` or `:name` for its parameters; rows are
read by number or by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Row(Protocol):
    """One row of a result."""

    def __getitem__(self, key: Any, /) -> Any:
        """The value of a column by its number or its name."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The values."""
        ...

    def __len__(self) -> int:
        """How many columns there are."""
        ...

    def keys(self) -> list[str]:
        """The columns' names."""
        ...


class Cursor(Protocol):
    """What a statement found or changed."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row; None where there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one at a time."""
        ...


class Connection(Protocol):
    """Runs statements."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor:
        """Run one statement."""
        ...
