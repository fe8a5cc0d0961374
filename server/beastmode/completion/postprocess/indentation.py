"""A model that indents otherwise than the document: blanks in a file of tabs, tabs in a file of blanks, 2 against 4.

Converts only what is certain: a file of one style, and a text of one other. The content of strings and comments of
several lines stays as it is. What is seen first decides, so that more text never changes the lines before it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from beastmode.completion.postprocess.literals import literal_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.domain.text import Cursor

LINES_SEEN = 120
"""Lines of the document on each side of the cursor that show its style."""
_KEEPING = frozenset(("makefile", "markdown", "plaintext", "tsv", "diff", "yaml", "restructuredtext"))
"""Languages where a blank at a line's start is more than taste, or where nobody indents in one way."""
_FEWEST_LINES = 2
_FEWEST_STEPS = 3
_STEPS = (2, 3, 4, 8)
_OPENERS = ("{", "(", "[", ":", "=>", "->")


def indentation(text: str, cursor: Cursor) -> str:
    """The text, indented as the document is."""
    if "\n" not in text or cursor.language in _KEEPING:
        return text
    lines = (cursor.line_before + text).split("\n")
    first = 1 if cursor.line_before else 0
    if not any(map(_blank, lines[first:])):
        return text
    tabs, spaces = _style(cursor)
    if (tabs > 0) == (spaces > 0) or tabs + spaces < _FEWEST_LINES:
        return text
    inside = literal_lines(text, cursor)
    free = [number for number in range(first, len(lines)) if _blank(lines[number]) and not inside[number]]
    if free:
        _to_tabs(lines, free, cursor) if tabs else _to_spaces(lines, free, cursor)
    return "\n".join(lines)[len(cursor.line_before) :]


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))] if line.strip() else ""


def _around(cursor: Cursor) -> list[str]:
    """The lines around the cursor; its own counts even where nothing stands on it yet."""
    above = (cursor.before + "x").split("\n")[-LINES_SEEN:]
    return [*above, *cursor.after.split("\n", LINES_SEEN)[1:LINES_SEEN]]


def _style(cursor: Cursor) -> tuple[int, int]:
    """How many of the document's lines begin with a tab, and how many with two blanks or more."""
    lines = [line for line in _around(cursor) if line.strip()]
    return sum(line.startswith("\t") for line in lines), sum(line.startswith("  ") for line in lines)


def _steps(lines: Iterable[str], language: str) -> Iterable[int]:
    """How much further in a line stands than the line above it, where that one opens a block."""
    opener = (":",) if language == "python" else ("{",)
    for above, line in pairwise(filter(str.strip, lines)):
        step = len(_blank(line)) - len(_blank(above))
        if 1 < step <= max(_STEPS) and above.rstrip().endswith(opener):
            yield step


def _unit(lines: Sequence[str], language: str) -> int:
    """Blanks of one step in the document; 0 where it has no clear habit."""
    steps = list(_steps(lines, language))
    return steps[0] if len(steps) >= _FEWEST_STEPS and len(set(steps)) == 1 else 0


def _to_tabs(lines: list[str], free: Sequence[int], cursor: Cursor) -> None:
    """Blanks to tabs, in place: so many blanks a tab that the first line stands where the cursor's depth wants it."""
    seen = _blank(lines[free[0]])
    depth = cursor.line_before[: cursor.column].count("\t", 0, len(_blank(cursor.line_before + "x")))
    depth += _opens(lines, free[0])
    if not seen.startswith("  ") or not depth or len(seen) % depth or len(seen) // depth not in _STEPS:
        return
    step = len(seen) // depth
    for number in free:
        blank = _blank(lines[number])
        if "\t" not in blank:
            lines[number] = "\t" * (len(blank) // step) + " " * (len(blank) % step) + lines[number][len(blank) :]


def _to_spaces(lines: list[str], free: Sequence[int], cursor: Cursor) -> None:
    """Tabs to blanks, or steps of the text's width to steps of the document's, in place."""
    unit = _unit(_around(cursor), cursor.language)
    base = len(_blank(cursor.line_before + "x"))
    if "\t" in _blank(lines[free[0]]):
        unit = unit or 4
        if _blank(lines[free[0]]) == "\t" * (base // unit + _opens(lines, free[0])):
            for number in free:
                blank = _blank(lines[number])
                lines[number] = blank.replace("\t", " " * unit) + lines[number][len(blank) :]
        return
    step = next(iter(_steps(lines, cursor.language)), 0)
    if not unit or step == unit or step not in _STEPS or unit not in _STEPS or base % unit:
        return
    for number in free:
        blank = _blank(lines[number])
        if len(blank) > base:
            steps, rest = divmod(len(blank) - base, step)
            lines[number] = " " * (base + steps * unit + rest) + lines[number][len(blank) :]


def _opens(lines: Sequence[str], number: int) -> bool:
    """Whether the line above opens a block or a bracket."""
    above = next((line for line in reversed(lines[:number]) if line.strip()), "")
    return above.rstrip().endswith(_OPENERS)
