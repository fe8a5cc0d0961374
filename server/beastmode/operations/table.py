"""Columns and rows of text, and how they look in a document and on a page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Blanks between two columns in a terminal."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of text; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """For a document."""
        head = [" | ".join(map(_cell, self.columns)), " | ".join(["---"] + ["---:"] * (len(self.columns) - 1))]
        rows = (" | ".join(map(_cell, row)) for row in self.rows)
        return "\n".join(f"| {line} |" for line in (*head, *rows))

    def fitting(self, width: int, less: Sequence[str]) -> Table:
        """The table without as many of the columns `less` (the first of them first) as it takes to be so wide."""
        shown = list(range(len(self.columns)))
        for name in less:
            if sum(max(len(row[at]) for row in (self.columns, *self.rows)) + GAP for at in shown) - GAP <= width:
                break
            shown = [at for at in shown if self.columns[at] != name]
        rows = tuple(tuple(row[at] for at in shown) for row in self.rows)
        return Table(tuple(self.columns[at] for at in shown), rows)

    def html(self) -> str:
        """For a page; scrolls by itself where it is too wide."""
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def printable(text: str) -> str:
    """Foreign text on one line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
