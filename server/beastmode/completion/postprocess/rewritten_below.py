"""The next lines of the document, written again with a small change."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from beastmode.completion.postprocess.duplicate_suffix import lines_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.text import Cursor

LINES = 3
"""Lines that are compared, those left out that are made of brackets only."""
ALIKE = 0.8
"""How much of two lines must agree, 0 to 1. Sister functions agree as much, so all pairs but one must be the same."""
_FEWEST_LETTERS = 8
_TOKEN = re.compile(r"\w+|[^\w\s]")


def rewritten_below(text: str, cursor: Cursor) -> str:
    """Nothing, where the text's lines are the document's next lines, one by one, all but one of them to the letter."""
    if "\n" not in text or cursor.line_before.strip():
        return text
    ours = [line.strip() for line in text.split("\n") if _says_something(line)][:LINES]
    theirs = [line.strip() for line in lines_below(cursor) if _says_something(line)][:LINES]
    if len(theirs) < LINES or len(ours) < LINES:
        return text
    same = [line for line, other in zip(ours, theirs, strict=True) if line == other]
    if len(same) < LINES - 1 or max(map(_letters, same)) < _FEWEST_LETTERS or _is_table(ours):
        return text
    return "" if all(_alike(line, other) for line, other in zip(ours, theirs, strict=True)) else text


def _letters(line: str) -> int:
    return sum(map(str.isalnum, line))


def _says_something(line: str) -> bool:
    return any(map(str.isalnum, line))


def _is_table(lines: Sequence[str]) -> bool:
    return any(_alike(line, lines[0]) for line in lines[1:])


def _alike(line: str, other: str) -> bool:
    """Whether one line is the other with something more or less; another word in a place makes it a sister."""
    if line == other:
        return True
    ours, theirs = _TOKEN.findall(line), _TOKEN.findall(other)
    if len(ours) == len(theirs):
        return False
    pair = SequenceMatcher(None, ours, theirs, autojunk=False)
    return pair.real_quick_ratio() >= ALIKE and pair.ratio() >= ALIKE
