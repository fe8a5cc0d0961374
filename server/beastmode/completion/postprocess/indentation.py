"""A model that indents otherwise than the document: blanks in a file of tabs, tabs in a file of blanks, 2 against 4.

Converts only what is certain: a file of one style, and a text of one other. The content of strings and comments of
several lines stays as it is. What is seen first decides, so that more text never changes the lines before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.postprocess.literals import literal_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.domain.text import Cursor

CHARACTERS_SEEN = 3000
"""Of the document on each side of the cursor, for the width of its steps."""
_KEEPING = frozenset(("makefile", "markdown", "plaintext", "tsv", "diff", "yaml", "restructuredtext"))
"""Languages where a blank at a line's start is more than taste, or where nobody indents in one way."""
_FEWEST_STEPS = 3
_STEPS = (2, 3, 4, 8)
_OPENERS = ("{", "(", "[", ":", "=>", "->")
_STEP = r"^( *)\S[^\n]*{}[ \t]*\n(?=( *)\S)"
_PYTHON_STEP = re.compile(_STEP.format(":"), re.MULTILINE)
_BRACE_STEP = re.compile(_STEP.format(r"\{"), re.MULTILINE)


def indentation(text: str, cursor: Cursor) -> str:
    """The text, indented as the document is."""
    if "\n" not in text or cursor.language in _KEEPING:
        return text
    tabs, blanks = _has(cursor, "\n\t"), _has(cursor, "\n  ")
    ours_tabs, ours_blanks = (mark in "\n" * (not cursor.line_before) + text for mark in ("\n\t", "\n  "))
    if tabs == blanks or not (ours_tabs or ours_blanks) or (tabs and not ours_blanks):
        return text
    lines = (cursor.line_before + text).split("\n")
    step = 0
    if blanks and not ours_tabs:
        step = next(iter(_steps("\n".join(lines), cursor.language)), 0)
        if step not in _STEPS:
            return text
    inside = literal_lines(text, cursor)
    first = 1 if cursor.line_before else 0
    free = [number for number in range(first, len(lines)) if _blank(lines[number]) and not inside[number]]
    if free and tabs:
        _to_tabs(lines, free, cursor)
    elif free and step:
        _to_steps(lines, free, step, cursor)
    elif free:
        _to_blanks(lines, free, cursor)
    return "\n".join(lines)[len(cursor.line_before) :]


def _has(cursor: Cursor, mark: str) -> bool:
    return mark in "\n" + cursor.line_before or mark in cursor.before or mark in cursor.after


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))] if line.strip() else ""


def _steps(text: str, language: str) -> Iterable[int]:
    """How much further in a line stands than the line above it, where that one opens a block."""
    pattern = _PYTHON_STEP if language == "python" else _BRACE_STEP
    for found in pattern.finditer(text):
        step = len(found[2]) - len(found[1])
        if 1 < step <= max(_STEPS):
            yield step


def _unit(cursor: Cursor) -> int:
    """Blanks of one step in the document; 0 where it has no clear habit. The cursor's own line counts, even empty."""
    seen = f"{cursor.before[-CHARACTERS_SEEN:]}x{cursor.after[:CHARACTERS_SEEN]}"
    steps = list(_steps(seen, cursor.language))
    return steps[0] if len(steps) >= _FEWEST_STEPS and len(set(steps)) == 1 else 0


def _to_tabs(lines: list[str], free: Sequence[int], cursor: Cursor) -> None:
    """Blanks to tabs, in place: so many blanks a tab that the first line stands where the cursor's depth wants it."""
    seen = _blank(lines[free[0]])
    depth = _blank(cursor.line_before + "x").count("\t") + _opens(lines, free[0])
    if not seen.startswith("  ") or not depth or len(seen) % depth or len(seen) // depth not in _STEPS:
        return
    step = len(seen) // depth
    for number in free:
        blank = _blank(lines[number])
        if "\t" not in blank:
            lines[number] = "\t" * (len(blank) // step) + " " * (len(blank) % step) + lines[number][len(blank) :]


def _to_blanks(lines: list[str], free: Sequence[int], cursor: Cursor) -> None:
    """Tabs to blanks, in place, where the first line has as many tabs as the cursor's depth wants."""
    unit = _unit(cursor) or 4
    depth = len(_blank(cursor.line_before + "x")) // unit + _opens(lines, free[0])
    if _blank(lines[free[0]]) == "\t" * depth:
        for number in free:
            blank = _blank(lines[number])
            lines[number] = blank.replace("\t", " " * unit) + lines[number][len(blank) :]


def _to_steps(lines: list[str], free: Sequence[int], step: int, cursor: Cursor) -> None:
    """Steps of the text's width to steps of the document's, in place."""
    unit, base = _unit(cursor), len(_blank(cursor.line_before + "x"))
    if step == unit or unit not in _STEPS or base % unit:
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
