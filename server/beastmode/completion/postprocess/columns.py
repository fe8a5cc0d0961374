"""How far a line stands in, for the filters that compare lines, and the line that nobody has seen. Not a filter."""

from __future__ import annotations

UNSEEN = "\n" + "\t" * 64 + "\ue000"
"""A line of which nothing is known: what a model may say next. No filter has a reason to take it, deep in the block and
unlike any other as it is; and one that ends a text before it must be sure that nothing could still follow."""
TAB = 8
"""Columns of a tab, counted only where a file mixes tabs and blanks: files that do so (GNU's, old Perl) mean eight."""


def width(line: str) -> int:
    """Columns of blank at a line's start."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(TAB))
