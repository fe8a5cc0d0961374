from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.databases import database, open_database, postgresql_server
from tests.support.january import BASELINE, ZONE, fill

from beastmode.operations.report.read import read_report
from beastmode.operations.report.span import read_span

if TYPE_CHECKING:
    from beastmode.operations.report.report import Report
    from beastmode.store import Database

__all__ = ["database", "open_database", "postgresql_server"]

NEXT_YEAR = 1_800_000_000.0


@pytest.fixture
async def january_ledger(database: Database) -> Database:
    """On both databases."""
    await fill(database)
    return database


@pytest.fixture
async def january(january_ledger: Database) -> Report:
    span = read_span("2026-01", "", "", NEXT_YEAR, ZONE)
    return await read_report(january_ledger, span, NEXT_YEAR, BASELINE)
