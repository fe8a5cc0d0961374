"""Lines that already stand below the cursor. What stands right of it on its own line is `retyped`'s affair."""

from __future__ import annotations

import re
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from beastmode.completion.brackets import line_depths
from beastmode.completion.postprocess.columns import width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.text import Cursor

LINES_BELOW = 3
"""Lines of the document that are compared."""
CONFIRMED_BY = 2
"""Further lines that must agree, too, as far as the text goes: code has many lines that only begin alike (`try:`)."""
_CLOSING_WORD = re.compile(r"[ \t]*(?:end|fi|done|esac|</[\w:.-]+>)[;,]?[ \t]*")
_CLOSING = re.compile(r"[ \t]*(?:[)\]}]+[;,]?|end|fi|done|esac|</[\w:.-]+>[;,]?)[ \t]*")
_TASTE = re.compile(r"[ \t]+|[;,]$")
_FEWEST_LETTERS = 4
_TELLING_LETTERS = 20
"""A line of so many letters and digits that opens nothing is the document's without further proof."""
_OPENS = ("{", "(", "[", ":", ">", "\\")
_ANNOUNCES = ("@", "#", "//", "/*", "*", "--", '"', "'")
"""How lines begin that stand above many things alike: decorators, comments, documentation."""


def duplicate_suffix(text: str, cursor: Cursor) -> str:
    """The text up to the line that equals the next line of the document, indentation included.

    A closing line that closes what the text itself has opened is not the document's, even if it looks the same. Blanks
    inside of a line, the kind of its quotes and a comma at its end make no difference.
    """
    below = [_plain(line) for line in islice(lines_below(cursor), LINES_BELOW)]
    if not below:
        return text
    lines = text.split("\n")
    # A line to which the text adds nothing is not the text's, nor is what that line opens.
    whole = [cursor.line_before + lines[0] if lines[0].strip() else "", *lines[1:]]
    for number, line in enumerate(whole):
        if not lines[number].strip() or _plain(line) != below[0] or not _goes_on(whole, number, below):
            continue
        # Within the text's own brackets a line may look like the document's; several in a row are the document's.
        if line_depths(text)[number] == 0 or _agree(whole, number, below):
            return "\n".join(lines[:number])
    return "\n".join(lines[:-1]) if len(lines) > 1 and _stands_deeper(whole[-1], below[0]) else text


def _stands_deeper(line: str, below: tuple[int, str]) -> bool:
    """Whether the text's last line is the document's next one at the wrong depth: it opens nothing to be deeper in."""
    depth, said = _plain(line)
    letters = sum(map(str.isalnum, said))
    return said == below[1] and depth < below[0] and letters >= _FEWEST_LETTERS and not said.endswith(_OPENS)


def lines_below(cursor: Cursor) -> Sequence[str]:
    """The next lines of the document, those without text left out."""
    below = cursor.after[len(cursor.line_after) : len(cursor.line_after) + 2000].split("\n")
    return [line for line in below if line.strip()]


def _plain(line: str) -> tuple[int, str]:
    """What makes a line the same line as another one."""
    text = line.strip()
    if sum(map(str.isalnum, text)) >= _FEWEST_LETTERS:
        text = _TASTE.sub("", text).replace("'", '"')
    return width(line), text


def _goes_on(lines: Sequence[str], number: int, below: Sequence[tuple[int, str]]) -> bool:
    """Whether the text goes on as the document does."""
    if _CLOSING.fullmatch(lines[number]):
        return not _closes_own(lines, number)
    if _is_telling(lines[number].strip()):
        return True
    rest = [line for line in lines[number + 1 :] if line.strip()]
    for line, expected in zip_longest(rest[:CONFIRMED_BY], below[1 : 1 + CONFIRMED_BY]):
        if line is None:
            return True
        if expected is None or _plain(line) != expected:
            return False
    return True


def _is_telling(line: str) -> bool:
    if line.endswith(_OPENS) or line.startswith(_ANNOUNCES):
        return False
    return sum(map(str.isalnum, line)) >= _TELLING_LETTERS


def _agree(lines: Sequence[str], number: int, below: Sequence[tuple[int, str]]) -> bool:
    """Whether all the lines that are compared are the same, and at least two of them say something."""
    ours = [_plain(line) for line in lines[number:] if line.strip()][: len(below)]
    telling = sum(sum(map(str.isalnum, line)) >= _FEWEST_LETTERS for _, line in ours)
    return ours == list(below) and len(ours) > CONFIRMED_BY and telling >= CONFIRMED_BY


def _closes_own(lines: Sequence[str], number: int) -> bool:
    """Whether the closing word on this line belongs to a line of the text: the last one as far in, if any."""
    if not _CLOSING_WORD.fullmatch(lines[number]):
        return False
    level = width(lines[number])
    for line in reversed(lines[:number]):
        if line.strip() and width(line) <= level:
            return width(line) == level
    return False
