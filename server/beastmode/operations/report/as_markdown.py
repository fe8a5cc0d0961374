"""A report as Markdown, for a wiki, an issue or a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.operations.report.tables import headline, notes, sections, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.operations.report.report import Report


def as_markdown(report: Report) -> str:
    """The whole document."""
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield f"# {title(report)}"
    yield headline(report)
    for section in sections(report):
        yield f"## {section.title}"
        if section.text:
            yield section.text
        yield section.table.markdown()
    yield "## Notes"
    yield "\n".join(f"- {note}" for note in notes(report))
