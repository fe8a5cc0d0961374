"""How far a line stands in, for the filters that compare lines. Not a filter."""

from __future__ import annotations


def width(line: str) -> int:
    """Columns of blank at a line's start, a tab counted as four: comparable where a file mixes both."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))
