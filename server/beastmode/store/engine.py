"""What a kind of database does for us. Everything here blocks, and is called in threads of `Database`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.store.connection import Connection
    from beastmode.store.faults import StoreError

Result = TypeVar("Result")


class Engine(Protocol):
    """An open database.

    Attributes:
        name: for people; never a password.
        notices: what the user should be told about opening it.
        readers: how many threads may read at once.
        errors: what its statements raise.
    """

    name: str
    notices: tuple[str, ...]
    readers: int
    errors: tuple[type[Exception], ...]

    def begin(self) -> Connection:
        """Begin the one transaction that writes: until its end nobody else writes, in this process or another."""
        ...

    def commit(self) -> None:
        """Make it last.

        Raises:
            Interrupted: nothing of it was written, through no fault of its own; here, or by any of its statements.
        """
        ...

    def rollback(self) -> None:
        """Leave nothing of it; never raises."""
        ...

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run what only reads, outside of any transaction."""
        ...

    def failure(self, error: Exception) -> StoreError:
        """What went wrong, in words; never with a value or a password in it."""
        ...

    def close_writer(self) -> None:
        """Close the connection that writes; never raises."""
        ...

    def close_readers(self) -> None:
        """Close those that read; never raises."""
        ...
