"""A report as one web page with charts; see operations/page.py for what such a page may do."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from beastmode.operations.page import document
from beastmode.operations.report.charts import charts
from beastmode.operations.report.tables import headline, notes, sections, title
from beastmode.operations.svg import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.operations.report.report import Report


def as_html(report: Report) -> str:
    """The page."""
    return document(title(report), _body(report))


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{escape(title(report))}</h1><p>{escape(headline(report))}</p>"
    summary, *others = sections(report)
    yield summary.table.html()
    for drawing in charts(report):
        yield f"<figure>{drawn(drawing)}</figure>"
    for section in others:
        yield f"<h2>{escape(section.title)}</h2>"
        if section.text:
            yield f"<p class='soft'>{escape(section.text)}</p>"
        yield section.table.html()
    yield "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes(report)) + "</ul>"
    yield "<p class='soft'>Made by <code>beastmode report</code></p>"
