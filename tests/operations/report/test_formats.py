"""The same January in every format, compared with files; and whatever stands in a ledger, it stays text."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader
from tests.support.january import BASELINE, ZONE, attempts

from beastmode.domain.errors import UserError
from beastmode.ledger.ledger import Ledger
from beastmode.operations.report.as_csv import as_csv
from beastmode.operations.report.as_html import as_html
from beastmode.operations.report.as_json import as_json
from beastmode.operations.report.as_markdown import as_markdown
from beastmode.operations.report.as_pdf import as_pdf
from beastmode.operations.report.charts import charts
from beastmode.operations.report.read import read_report
from beastmode.operations.report.report import Report
from beastmode.operations.report.span import read_span
from beastmode.operations.report.tables import headline
from beastmode.operations.svg import WIDTH, drawn
from beastmode.store import Database

GOLDEN = Path(__file__).parent / "golden"
EVIL = "=cmd|' /C calc'!A0</td><script>alert(1)</script>"


def pdf_text(report: Report) -> str:
    pages = PdfReader(io.BytesIO(as_pdf(report))).pages
    return "".join(f"{page.extract_text()}\n" for page in pages)


FORMATS: dict[str, Callable[[Report], str]] = {
    "january.md": as_markdown,
    "january.csv": as_csv,
    "january.json": as_json,
    "january.html": as_html,
    "january.pdf.txt": pdf_text,
}


@pytest.mark.parametrize("name", FORMATS)
async def test_the_golden_month(name: str, january: Report) -> None:
    """Byte by byte what it was, in every format."""
    made, file = FORMATS[name](january).encode(), GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_bytes(made)
    assert made == file.read_bytes()


async def test_the_figures_of_january(january: Report) -> None:
    """Added up from the rows themselves, not by the ledger: every cost, the edges of the month, what stepped in."""
    begins, ends = january.span.since, january.span.until
    within = [each for each in attempts() if begins <= each.started_at < ends]
    assert {"new year", "last second"} <= {each.id for each in within}
    total, costs = january.total, [each.cost or Decimal(0) for each in within]
    assert total.cost == sum(costs)
    assert total.own_cost == sum(
        cost for each, cost in zip(within, costs, strict=True) if each.model != "openai:gpt-4o"
    )
    assert total.failed_cost == sum(cost for each, cost in zip(within, costs, strict=True) if each.outcome == "failed")
    assert total.summary.requests == len(within) - 1
    assert (total.unpriced, total.summary.cached, total.summary.cancelled) == (1, 1, 1)
    (fallback,) = january.fallbacks
    assert (fallback.model, fallback.tries, fallback.cost) == ("openai:gpt-4o", 7, total.provider_cost)
    assert [(each.model, each.as_of, each.uses) for each in january.prices if each.model == "custom:coder"] == [
        ("custom:coder", "2025-12-01", 58),
        ("custom:coder", "2026-01-15", 60),
    ]
    assert january.before is not None
    assert (january.before.name, january.before.summary.requests) == ("December 2025", 30)
    assert "unknown for custom:new" in headline(january)


async def test_every_format_tells_the_same_total(january: Report) -> None:
    """No format rounds what another one keeps, and all of them say how much."""
    (row,) = (row for row in csv.DictReader(io.StringIO(as_csv(january))) if row["by"] == "total")
    told = json.loads(as_json(january))["total"]
    assert Decimal(row["cost"]) == Decimal(told["cost"]) == january.total.cost
    assert all("$0.1559" in text for text in (as_markdown(january), as_html(january), pdf_text(january)))


async def test_whatever_a_ledger_holds_stays_text(tmp_path: Path) -> None:
    """A name runs in no browser, no spreadsheet and no PDF reader."""
    database = await Database.open(tmp_path / "l.db")
    first = next(iter(attempts()))
    await Ledger(database).observe(replace(first, model=EVIL))
    report = await read_report(database, read_span("2026-01", "", "", 9e8, ZONE), 9e8, "<b>baseline</b>")
    await database.close()
    page = as_html(report)
    assert not re.search(r"<(script|img|link|b>)|<[^>]*\son\w+\s*=|url\(|@import", page)
    assert "default-src 'none'" in page
    assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(as_csv(report))) for cell in row)
    assert "/JavaScript" not in as_pdf(report).decode("latin-1")
    assert "(so far)" in page


async def test_charts_stay_in_their_frame(january: Report) -> None:
    """Well-formed, with every mark inside of the picture."""
    drawings = charts(january)
    assert len(drawings) == 4
    for drawing in drawings:
        frame = ET.fromstring(drawn(drawing))  # noqa: S314  # our own drawing
        assert frame.get("height") == str(drawing.height)
        for box in frame.iter("{http://www.w3.org/2000/svg}rect"):
            x, y, width, height = (float(box.get(name, "nan")) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + width <= WIDTH
            assert 0 <= y <= y + height <= drawing.height


async def test_an_empty_month_is_a_report_too(january_ledger: Database) -> None:
    """Nothing is divided by nothing, in any format."""
    report = await read_report(january_ledger, read_span("2020-02", "", "", 2e9, ZONE), 2e9, BASELINE)
    assert report.before is None
    for write in FORMATS.values():
        assert "No model was asked" in write(report) or write in {as_csv, as_json}


async def test_a_long_name_keeps_its_figures_on_the_page(january: Report) -> None:
    """It is broken into lines; nothing of it is lost, and what stands beside it is not beyond the edge."""
    name = "openrouter:" + "abcdefghij" * 12
    long = replace(january, models=tuple(replace(part, name=name) for part in january.models))
    for page in PdfReader(io.BytesIO(as_pdf(long))).pages:
        placed: list[float] = []
        page.extract_text(visitor_text=lambda _text, _cm, tm, *_: placed.append(tm[4]))  # noqa: B023 - used at once
        assert max(placed) < float(page.mediabox.width)
    assert name in pdf_text(long).replace("\n", "")


async def test_a_pdf_without_its_library_names_the_fix(january: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "reportlab.platypus", None)
    with pytest.raises(UserError, match="reportlab") as raised:
        as_pdf(january)
    assert "beastmode[pdf]" in raised.value.fix
