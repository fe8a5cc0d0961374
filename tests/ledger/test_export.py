"""The ledger as a file for other programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet
from tests.support.attempts import ROW

from beastmode.domain.errors import UserError
from beastmode.ledger import export
from beastmode.ledger.days import FOREVER
from beastmode.ledger.ledger import Ledger
from beastmode.store import Database

if TYPE_CHECKING:
    from beastmode.ledger.export import Format

COUNT = 7


@pytest.fixture
async def ledger(database: Database, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Seven rows, three of them at the same moment, in pages of two."""
    monkeypatch.setattr(export, "PAGE", 2)
    ledger = Ledger(database)
    for number in range(COUNT):
        error = "=1+1, a formula" if number == 0 else None
        await ledger.observe(replace(ROW, id=str(number), started_at=3600.5 + max(0, number - 4), error=error))
    return ledger


async def exported(ledger: Ledger, form: Format, since: float = 0.0, until: float = FOREVER) -> bytes:
    file = io.BytesIO()
    writer = export.writer_to(file, form)
    async for page in ledger.pages(since, until):
        writer.write(page)
    writer.close()
    return file.getvalue()


async def test_csv_is_what_a_spreadsheet_reads(ledger: Ledger) -> None:
    """Every row once, in order, dollars and times in full; a cell that would be run as a formula is text."""
    rows = list(csv.DictReader(io.StringIO((await exported(ledger, "csv")).decode(), newline="")))
    assert [row["id"] for row in rows] == [str(number) for number in range(COUNT)]
    assert list(rows[0]) == list(export.COLUMNS)
    assert (rows[0]["cost"], rows[0]["started_at"]) == ("0.001", "1970-01-01T01:00:00.500000Z")
    assert (rows[0]["error"], rows[1]["error"], rows[1]["cached"]) == ("'=1+1, a formula", "", "False")


async def test_json_is_an_object_a_line(ledger: Ledger) -> None:
    """Of the span that was asked for; the end is not part of it."""
    rows = [json.loads(line) for line in (await exported(ledger, "json", 3601.0, 3602.5)).splitlines()]
    assert [row["id"] for row in rows] == ["5"]
    assert (rows[0]["cost"], rows[0]["total_s"], rows[0]["estimated"]) == ("0.001", 0.2, False)
    assert (rows[0]["error"], rows[0]["baseline_cost"]) == (None, None)


async def test_parquet_keeps_the_types(ledger: Ledger) -> None:
    """Money is an exact decimal, a time a time."""
    table = parquet.read_table(io.BytesIO(await exported(ledger, "parquet")))
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == [str(number) for number in range(COUNT)]
    assert rows[0]["cost"] == Decimal("0.001")
    assert rows[0]["started_at"].timestamp() == 3600.5


def test_without_its_library_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a traceback."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pyarrow") as caught:
        export.writer_to(io.BytesIO(), "parquet")
    assert "beastmode[parquet]" in caught.value.fix
