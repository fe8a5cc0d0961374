"""The start of the line, typed a second time; chat models answer with whole lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.completion.brackets import balance

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

SHORTEST = 3
"""Characters of a line's start that are worth recognising: `- ` or `a` may well come twice."""
_OPENERS = (":", "{", "(", "[")


def duplicate_prefix(text: str, cursor: Cursor) -> str:
    """The text without the start of the cursor's line, where it begins with that, and without a second indentation."""
    line = cursor.line_before
    if not line:
        return text
    typed = line.strip()
    if not typed:
        return text if _may_be_deeper(cursor) else _outdented(text)
    if len(typed) < SHORTEST or not any(character.isalnum() for character in typed):
        return text
    while _begins_again(text, line, typed):
        text = text.lstrip(" \t").removeprefix(typed)
        text = text.lstrip(" \t") if line[-1] in " \t" else text
    return text


def _begins_again(text: str, line: str, typed: str) -> bool:
    rest = text.lstrip(" \t")
    if not rest.startswith(typed):
        return False
    behind = rest[len(typed) : len(typed) + 1]
    if typed[-1].isalnum() and (behind.isalnum() or behind == "_"):
        return False
    # `max(` + `max(a, b), c)` closes both brackets, so the second `max(` is meant.
    return len(balance(text).closed) < balance(line).depth or not balance(line).depth


def _outdented(text: str) -> str:
    first, newline, rest = text.partition("\n")
    return first.lstrip(" \t") + newline + rest if first.strip() else text


def _may_be_deeper(cursor: Cursor) -> bool:
    """Whether the line above asks for a deeper line than the cursor's column."""
    above = cursor.before[: len(cursor.before) - len(cursor.line_before)].rstrip()
    above = above[above.rfind("\n") + 1 :]
    return above.endswith(_OPENERS) and len(above) - len(above.lstrip()) >= cursor.column
