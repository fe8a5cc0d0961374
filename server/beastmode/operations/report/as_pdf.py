"""A report as PDF, for whoever pays. ReportLab (BSD licence, plain Python) is an extra that few need.

The fonts that every PDF reader has know the letters of Western Europe; a name in another script is shown by question
marks here, and whole in every other format.
"""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import UserError
from beastmode.operations.report.charts import charts
from beastmode.operations.report.tables import headline, notes, sections, title
from beastmode.operations.svg import DOT, WIDTH, Box, Dot, Line, Way, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.operations.report.report import Report
    from beastmode.operations.svg import Drawing, Mark
    from beastmode.operations.table import Table

MARGIN = 42
"""Points at every edge of a page."""
COLOURS = {
    "first": "#2b6cd4",
    "bar": "#9db4d6",
    "grid": "#e3e7ee",
    "label": "#1d2430",
    "title": "#1d2430",
    "soft": "#667085",
    "c0": "#2b6cd4",
    "c1": "#c2571a",
    "c2": "#2f8f5b",
}
"""On paper, by the classes of operations/svg.py."""
TEXT_POINTS, CELL_POINTS = 9, 7.5
LONGEST_LINE = 44
"""Letters of a name on one line."""
MOST_TOGETHER = 20
"""Rows of a table that is not broken over pages."""


def as_pdf(report: Report) -> bytes:
    """The document; the same report gives the same bytes.

    Raises:
        UserError: the library is not installed.
    """
    try:
        from reportlab.lib.pagesizes import A4, landscape  # noqa: PLC0415 - an extra, and slow to import
        from reportlab.platypus import SimpleDocTemplate  # noqa: PLC0415 - the same
    except ImportError:
        raise UserError("PDF needs reportlab, which is not installed", "Run `pip install 'beastmode[pdf]'`") from None
    file = io.BytesIO()
    size = landscape(A4)
    document = SimpleDocTemplate(
        file,
        pagesize=size,
        title=_text(title(report)),
        author="BEAST MODE",
        invariant=1,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
    )
    document.build(list(_story(report, size[0] - 2 * MARGIN)), onFirstPage=_number, onLaterPages=_number)
    return file.getvalue()


def _story(report: Report, width: float) -> Iterator[Any]:
    from reportlab.lib.styles import getSampleStyleSheet  # noqa: PLC0415 - as above
    from reportlab.platypus import KeepTogether, Paragraph, Spacer  # noqa: PLC0415 - as above

    styles = getSampleStyleSheet()
    styles["BodyText"].fontSize = TEXT_POINTS

    def said(text: str, style: str = "BodyText") -> Any:
        return Paragraph(escape(_text(text)), styles[style])

    summary, *others = sections(report)
    yield said(title(report), "Heading1")
    yield said(headline(report))
    yield Spacer(1, 8)
    yield _table(summary.table)
    for drawing in charts(report):
        yield KeepTogether([Spacer(1, 12), _drawing(drawing, width)])
    for section in others:
        heading = [said(section.title, "Heading2"), *([said(section.text)] if section.text else [])]
        block = [*heading, _table(section.table)]
        if len(section.table.rows) > MOST_TOGETHER:
            yield from block
        else:
            yield KeepTogether(block)
    yield KeepTogether([said("Notes", "Heading2"), *(said(note) for note in notes(report))])


def _table(table: Table) -> Any:
    from reportlab.lib.colors import HexColor  # noqa: PLC0415 - as above
    from reportlab.platypus import Table as Grid  # noqa: PLC0415 - as above

    rows = [[_broken(_text(name)), *map(_text, cells)] for name, *cells in (table.columns, *table.rows)]
    return Grid(
        rows,
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("FONT", (0, 0), (-1, -1), "Helvetica", CELL_POINTS),
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", CELL_POINTS),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, HexColor(COLOURS["grid"])),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ],
    )


def _broken(name: str) -> str:
    """A long name on several lines, so that the figures beside it stay on the page."""
    return "\n".join(name[at : at + LONGEST_LINE] for at in range(0, max(len(name), 1), LONGEST_LINE))


def _drawing(drawing: Drawing, width: float) -> Any:
    from reportlab.graphics.shapes import Drawing as Picture  # noqa: PLC0415 - as above
    from reportlab.graphics.shapes import Group, String  # noqa: PLC0415 - as above

    scale = width / WIDTH
    height = drawing.height
    title = String(0, height - 20, _text(drawing.title), fontName="Helvetica-Bold", fontSize=13)
    group = Group(title, *(_shape(mark, height) for mark in drawing.marks), transform=(scale, 0, 0, scale, 0, 0))
    return Picture(width, height * scale, group)


def _shape(mark: Mark, height: float) -> Any:
    from reportlab.graphics import shapes  # noqa: PLC0415 - as above
    from reportlab.lib.colors import HexColor  # noqa: PLC0415 - as above

    colour = HexColor(COLOURS[mark.kind])
    match mark:
        case Line():
            return shapes.Line(mark.x1, height - mark.y1, mark.x2, height - mark.y2, strokeColor=colour, strokeWidth=1)
        case Box():
            y = height - mark.y - mark.height
            return shapes.Rect(mark.x, y, mark.width, mark.height, fillColor=colour, strokeColor=None)
        case Dot():
            return shapes.Circle(mark.x, height - mark.y, DOT, fillColor=colour, strokeColor=None)
        case Way():
            flat = [number for x, y in mark.points for number in (x, height - y)]
            return shapes.PolyLine(flat, strokeColor=colour, strokeWidth=2)
        case Words():
            placed = (mark.x, height - mark.y, _text(mark.text))
            return shapes.String(*placed, textAnchor=mark.anchor, fontName="Helvetica", fontSize=13, fillColor=colour)


def _number(canvas: Any, _document: Any) -> None:
    canvas.setFont("Helvetica", CELL_POINTS)
    canvas.drawRightString(canvas._pagesize[0] - MARGIN, MARGIN / 2, str(canvas.getPageNumber()))  # noqa: SLF001 - the library's way


def _text(text: str) -> str:
    """What the fonts of every reader can show."""
    return text.encode("cp1252", "replace").decode("cp1252")
