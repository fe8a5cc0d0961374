"""The end of an answer that was cut, where the lines that are left break the code.

Half a call, or a loop without its body, is worse than the whole lines before it. Asks the grammar, and only where the
last line looks as if something had to follow; without a grammar it counts brackets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.completion.brackets import balance
from beastmode.context.syntax import errors_added

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

MOST_LINES = 3
"""Lines that are given up at most; the first one never is."""
SEEN = 600
"""Characters on each side of the cursor that are parsed."""
LONGEST = 1500
"""Characters of an answer that is looked at: each pass parses it, and broken code parses slowly."""
_EXPECTING = (*"([{,:=+-*/%&|<.\\?", " and", " or", " not", " in", "do", "then", "=>", "->")
_HEADER = (":", "{", "=>", "->", " do", " then")


def broken_tail(text: str, cursor: Cursor) -> str:
    """The longest version of the text, in whole lines, that breaks the document least.

    Runs only where the answer was cut, so it is in neither pipeline.
    """
    if len(text) > LONGEST:
        return text
    while (shorter := _shorter(text, cursor)) != text:
        text = shorter
    return text


def _shorter(text: str, cursor: Cursor) -> str:
    lines = text.rstrip("\n").split("\n")
    last = lines[-1].rstrip()
    if len(lines) == 1 or not (last.endswith(_EXPECTING) or balance(text).opened or _starts_decorator(last)):
        return text
    fewest = _errors(text, cursor)
    best = text
    for given_up in range(1, min(MOST_LINES, len(lines) - 1) + 1):
        shorter = "\n".join(lines[:-given_up]) + "\n"
        if not fewest or not shorter.strip():
            break
        errors = _errors(shorter, cursor)
        if errors < fewest:
            best, fewest = shorter, errors
    return best


def _starts_decorator(line: str) -> bool:
    return line.lstrip().startswith(("@", "#["))


def _errors(text: str, cursor: Cursor) -> int:
    """Errors that the text adds to the document; without a grammar, what it leaves open."""
    before = cursor.before[-SEEN:]
    before = before if len(before) == len(cursor.before) else before.partition("\n")[2]
    found = errors_added(before, text, cursor.after[:SEEN], cursor.language)
    if found is None:
        return len(balance(text).opened)
    # A header without its block is no error to every grammar.
    return max(0, found) + text.rstrip().endswith(_HEADER)
