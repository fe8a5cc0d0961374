"""What a piece of code opens and closes: enough of every language to count brackets and quotes. Pure.

No grammar: a quote opens a string only where it is closed on its own line, so that an apostrophe in a comment or a
Rust lifetime is a character like any other. Wrong counts make the filters careful, not wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
CLOSERS = frozenset(CLOSER_OF.values())
QUOTES = frozenset("\"'`")

_CONTENT = r"(?:[^{0}\\\n]|\\[^\n])*+{0}"
_STRING_REST = {quote: re.compile(_CONTENT.format(quote)) for quote in QUOTES}
_MARK = re.compile("|".join(quote + _CONTENT.format(quote) for quote in sorted(QUOTES)) + r"|[()\[\]{}\"'`]")


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left when pairs are taken out.

    Attributes:
        opened: brackets that the text opens and leaves open, as their closers, the innermost last.
        closed: closers (and the quote of a string it began in) without a partner in the text: position, character.
        open_string: the quote of a string that the text opens and leaves open, where one was asked for.
    """

    opened: tuple[str, ...]
    closed: tuple[tuple[int, str], ...]
    open_string: str = ""

    @property
    def depth(self) -> int:
        """How much is left open."""
        return len(self.opened) + bool(self.open_string)


def balance(text: str, *, inside: str = "", behind: str = "") -> Balance:
    """Count a text's brackets.

    Args:
        text: any.
        inside: the quote of the string that the text begins in, if any.
        behind: what follows the text on its line. A string may stay open at its end only if this can close it.
    """
    opened: list[str] = []
    closed: list[tuple[int, str]] = []
    start = 0
    if inside:
        rest = _STRING_REST[inside].match(text)
        if rest is None:
            return Balance((), ())
        start = rest.end()
        closed.append((start - 1, inside))
    for found in _MARK.finditer(text, start):
        mark = found.group()
        if mark in CLOSER_OF:
            opened.append(CLOSER_OF[mark])
        elif mark in CLOSERS:
            if opened and opened[-1] == mark:
                opened.pop()
            else:
                closed.append((found.start(), mark))
        elif mark in QUOTES and mark in behind and "\n" not in text[found.end() :]:
            return Balance(tuple(opened), tuple(closed), mark)
    return Balance(tuple(opened), tuple(closed))


def line_depths(text: str) -> list[int]:
    """For each line of a text, how many of the text's own brackets are open where the line begins."""
    depths: list[int] = []
    opened: list[str] = []
    for line in text.split("\n"):
        depths.append(len(opened))
        left = balance(line)
        for _, closer in left.closed:
            if opened and opened[-1] == closer:
                opened.pop()
        opened.extend(left.opened)
    return depths
