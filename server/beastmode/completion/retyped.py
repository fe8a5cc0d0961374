"""What a suggestion types again of the text that already stands right of the cursor.

Models that see no suffix, and some that do, close the brackets that the editor has closed by itself. One rule serves
all of it: the suggestion keeps its text, and `Suggestion.replace_after` takes out what it types again. Trimming the
text instead would not do, because text may go on behind the bracket: `f(║)` completed by `x):`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.completion.brackets import balance
from beastmode.completion.words import is_word

if TYPE_CHECKING:
    from beastmode.completion.brackets import Balance
    from beastmode.domain.text import Cursor

LONGEST_LINE = 512
"""Characters of a line on each side of the cursor that are looked at: minified files have lines of megabytes."""


def retyped(text: str, cursor: Cursor) -> int:
    """How many characters right of the cursor, on its line, the text types again.

    First the closers that stand there one after the other, then whatever the end of the text and the rest of the line
    have in common; of both only as many closers as would otherwise be left over.
    """
    line = cursor.line_after[:LONGEST_LINE].rstrip()
    if not line or not text:
        return 0
    outer = balance(cursor.line_before[-LONGEST_LINE:], behind=line)
    inner = balance(text, inside=outer.open_string, behind=line)
    standing = balance(line, inside=outer.open_string)
    # Brackets opened on other lines are not seen: then every closer of the text is taken for one that stands there.
    over = len(inner.closed) + len(standing.closed) - outer.depth - inner.depth
    pairs = _leading(line, inner, standing)[: max(0, over)]
    taken, used = (pairs[-1][0] + 1, pairs[-1][1] + 1) if pairs else (0, 0)
    for length in range(min(len(text) - used, len(line) - taken), 0, -1):
        if text.endswith(line[taken : taken + length]) and line[taken : taken + length].strip():
            before = text[: len(text) - length][-1:] or cursor.before[-1:]
            behind = line[taken + length : taken + length + 1]
            shared = _Shared(before, line[taken : taken + length], behind, is_all=not taken and not behind)
            closers = _closers_in(inner, len(text) - length, len(text))
            matches = closers == _closers_in(standing, taken, taken + length)
            if shared.is_whole and matches and len(closers) <= max(0, over - len(pairs)):
                return taken + length
    return taken


def closes(rest: str, typed: str, closers: str) -> bool:
    """Whether the rest of a suggestion types again the closers that the editor put behind what was typed of it.

    The user types the `f(` of `f(x)`, the editor makes it `f(║)`, and the rest `x)` brings its own bracket.
    """
    inside = balance(typed, behind=closers).open_string
    closed = balance(rest, inside=inside).closed
    return "".join(character for _, character in closed[: len(closers)]) == closers


def _leading(line: str, inner: Balance, standing: Balance) -> list[tuple[int, int]]:
    """The closers at the line's start, with blanks between at most, that the text has in the same order.

    As positions in the line and in the text.
    """
    pairs: list[tuple[int, int]] = []
    end = 0
    for (ours, character), (theirs, other) in zip(standing.closed, inner.closed, strict=False):
        if character != other or line[end:ours].strip():
            break
        pairs.append((ours, theirs))
        end = ours + 1
    return pairs


def _closers_in(found: Balance, start: int, end: int) -> list[tuple[int, str]]:
    """The closers without partner in a part of the text, counted from its start."""
    return [(at - start, character) for at, character in found.closed if start <= at < end]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the end of a text and the start of a line have in common, and the characters around it."""

    before: str
    text: str
    behind: str
    is_all: bool

    @property
    def is_whole(self) -> bool:
        """Whether it cuts no word, and opens nothing; the whole rest of a line may open what the next lines close."""
        cuts_start = is_word(self.before) and is_word(self.text[0])
        cuts_end = is_word(self.behind) and is_word(self.text[-1])
        return not cuts_start and not cuts_end and (self.is_all or not balance(self.text).opened)
