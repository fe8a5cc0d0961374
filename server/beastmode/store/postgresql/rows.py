"""Values on their way into PostgreSQL and back: the same ones that SQLite takes and gives."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from psycopg.adapt import Dumper, Loader
from psycopg.rows import no_result
from psycopg.types.string import StrDumperUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection, Cursor
    from psycopg.abc import Buffer

_NO_TEXT = "\x00", "\ufffd"
"""The one character that PostgreSQL's text cannot hold, and what stands in its place."""


def adapt(connection: Connection[Any]) -> None:
    """Let a connection take and give what SQLite does."""
    connection.row_factory = _factory
    connection.adapters.register_dumper(bool, _Flag)
    connection.adapters.register_dumper(str, _Text)
    connection.adapters.register_loader("numeric", _Number)


class Row(tuple[Any, ...]):
    """A row that is read by number or by name."""

    __slots__ = ()
    _places: ClassVar[dict[str, int]] = {}

    def __getitem__(self, key: Any) -> Any:
        """The value of a column."""
        return super().__getitem__(self._places[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self._places)


@lru_cache(maxsize=1024)
def _row_of(names: tuple[str, ...]) -> type[Row]:
    places = {name: number for number, name in reversed(list(enumerate(names)))}
    return type("Row", (Row,), {"__slots__": (), "_places": dict(sorted(places.items(), key=lambda each: each[1]))})


def _factory(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Any]:
    if cursor.description is None:
        return no_result
    return _row_of(tuple(column.name for column in cursor.description))


class _Flag(Dumper):
    """Truth is the number 1, as in SQLite."""

    def dump(self, obj: Any) -> Buffer:
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace(*_NO_TEXT))


class _Number(Loader):
    """The sum of integers, which PostgreSQL gives as a decimal."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)
