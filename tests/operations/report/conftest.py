from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.january import BASELINE, ZONE, fill

from beastmode.operations.report.read import read_report
from beastmode.operations.report.span import read_span
from beastmode.store import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from beastmode.operations.report.report import Report

NEXT_YEAR = 1_800_000_000.0


@pytest.fixture
async def january_ledger(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "january.db")
    await fill(database)
    yield database
    await database.close()


@pytest.fixture
async def january(january_ledger: Database) -> Report:
    span = read_span("2026-01", "", "", NEXT_YEAR, ZONE)
    return await read_report(january_ledger, span, NEXT_YEAR, BASELINE)
