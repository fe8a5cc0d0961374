"""The rows of the ledger for other programs: CSV, JSON (an object a line) or Parquet, page by page.

Times are UTC, money is in dollars to the nano, and every row names the prices that it used.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from beastmode.domain.errors import UserError
from beastmode.domain.usage import from_nano
from beastmode.ledger.rows import WHOLE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from beastmode.store import Database

Format = Literal["csv", "json", "parquet"]
Kind = Literal["text", "time", "seconds", "count", "flag", "share", "money"]

PAGE = 5000
"""Rows that are in memory at once."""

COLUMNS: dict[str, Kind] = {
    "id": "text",
    "request_id": "text",
    "user": "text",
    "started_at": "time",
    "task": "text",
    "model": "text",
    "provider": "text",
    "origin": "text",
    "reason": "text",
    "outcome": "text",
    "error_kind": "text",
    "error": "text",
    "queue_s": "seconds",
    "connect_s": "seconds",
    "first_token_s": "seconds",
    "total_s": "seconds",
    "input_tokens": "count",
    "output_tokens": "count",
    "cache_read_tokens": "count",
    "cache_write_tokens": "count",
    "reasoning_tokens": "count",
    "estimated": "flag",
    "cached": "flag",
    "masked": "count",
    "accepted_at": "time",
    "used": "share",
    "cost": "money",
    "price_input": "text",
    "price_output": "text",
    "price_cache_read": "text",
    "price_cache_write": "text",
    "price_gpu_hour": "text",
    "price_as_of": "text",
    "price_source": "text",
    "baseline_cost": "money",
    "baseline_model": "text",
    "baseline_price_as_of": "text",
    "baseline_price_source": "text",
}
"""What an export holds. Prices are decimals in dollars per million tokens, or per hour, as they were entered.

`used` is what share of a suggestion's text the user took: `baseline_cost` counts as a saving with that share, for tests
of a model (`probe`) not at all, and whole for any other task.
"""

_PAGE = """SELECT attempts.*, attempts.rowid AS number, cost_nano AS cost, baseline_cost_nano AS baseline_cost,
        used.input AS price_input, used.output AS price_output, used.cache_read AS price_cache_read,
        used.cache_write AS price_cache_write, used.gpu_hour AS price_gpu_hour, used.as_of AS price_as_of,
        used.source AS price_source, baseline.model AS baseline_model, baseline.as_of AS baseline_price_as_of,
        baseline.source AS baseline_price_source
    FROM attempts LEFT JOIN prices AS used ON used.id = price_id
        LEFT JOIN prices AS baseline ON baseline.id = baseline_price_id
    WHERE (started_at, attempts.rowid) > (?, ?) AND started_at < ? ORDER BY started_at, attempts.rowid LIMIT ?"""

# A spreadsheet runs a cell that begins like this, and the text may be an endpoint's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Writer(Protocol):
    """Writes rows to a file."""

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write a page; every row has all of COLUMNS."""

    def close(self) -> None:
        """Write what belongs at the end."""


async def pages(database: Database, since: float, until: float) -> AsyncGenerator[list[dict[str, object]]]:
    """All tries that began in a span (Unix time), oldest first; times as datetimes, money as decimals."""
    moment, number = since, -1
    while rows := await database.read(_PAGE, (moment, number, until, PAGE)):
        yield [{name: _READ[kind](row[name]) for name, kind in COLUMNS.items()} for row in rows]
        moment, number = rows[-1]["started_at"], rows[-1]["number"]


def writer_to(file: BinaryIO, form: Format) -> Writer:
    """A writer of a format.

    Raises:
        UserError: the library that Parquet needs is not installed.
    """
    writers: dict[Format, Callable[[BinaryIO], Writer]] = {"csv": _Csv, "json": _Json, "parquet": _Parquet}
    return writers[form](file)


def _time(value: Any) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)


def _money(value: Any) -> Decimal | None:
    return None if value is None else from_nano(value)


def _as_it_is(value: Any) -> Any:
    return value


def _share(value: Any) -> float | None:
    return None if value is None else value / WHOLE


_READ: dict[Kind, Callable[[Any], Any]] = {
    "text": _as_it_is,
    "seconds": _as_it_is,
    "count": _as_it_is,
    "flag": bool,
    "share": _share,
    "time": _time,
    "money": _money,
}


class _Csv:
    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._writer.writerow(COLUMNS)

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        self._writer.writerows([_plain(safe_cell(row[name])) for name in COLUMNS] for row in rows)

    def close(self) -> None:
        self._text.detach()  # the file is the caller's to close


class _Json:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            told = {name: value if isinstance(value, bool) else _plain(value) for name, value in row.items()}
            self._file.write(json.dumps(told, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra that few have
            from pyarrow import parquet  # noqa: PLC0415 - the same
        except ImportError:
            raise UserError(
                "Parquet needs pyarrow, which is not installed", "Run `pip install 'beastmode[parquet]'`"
            ) from None
        kinds = {
            "text": pa.string(),
            "time": pa.timestamp("us", tz="UTC"),
            "seconds": pa.float64(),
            "count": pa.int64(),
            "flag": pa.bool_(),
            "share": pa.float64(),
            "money": pa.decimal128(18, 9),
        }
        self._table = pa.Table
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        self._writer.write_table(self._table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _plain(value: object) -> object:
    """Times as ISO 8601, decimals without an exponent."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"{value:f}" if isinstance(value, Decimal) else value


def safe_cell(value: object) -> object:
    """A value for CSV: nothing for None, and no text that a spreadsheet would run."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else value
