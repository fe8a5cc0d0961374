"""What one suggestion is worth, by the text that was taken out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.operations.evaluate.similarity import similarity

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST_LINE = 4
"""Characters, blanks not counted, of a line whose repetition is a defect; `}` and `))` stand twice in good code."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a suggestion did at one hole; where nothing was shown it is wrong, and None what cannot be said of nothing.

    Attributes:
        exact: the file is again what it was, but for blanks at line ends.
        first_line: its first line is the right one, whatever follows.
        similarity: to what was taken out, 0 to 1.
        parses: the file has no syntax error with it; None without a grammar, or where the original has errors.
        duplicates: its end repeats the text that follows.
    """

    shown: bool
    exact: bool
    first_line: bool
    similarity: float
    parses: bool | None = None
    duplicates: bool | None = None


def score(
    hole: tuple[str, str, str], text: str, replaced: int, parses: Callable[[str], bool | None] = lambda _: None
) -> Score:
    """Compare a suggestion with the truth.

    Args:
        hole: what stands before it, what was taken out, what follows.
        text: of the suggestion; '' where there was none.
        replaced: characters after the cursor that it takes the place of.
        parses: whether a whole file has no syntax error.
    """
    before, truth, after = hole
    if not text.strip():
        return Score(shown=False, exact=False, first_line=False, similarity=0.0)
    inserted, wanted = _trimmed(added(text, replaced, after)), _trimmed(truth)
    rest = after[replaced:]
    whole = parses(before + truth + after)
    return Score(
        shown=True,
        exact=inserted == wanted,
        first_line=inserted.split("\n")[0] == wanted.split("\n")[0],
        similarity=similarity(inserted, wanted),
        parses=parses(before + text + rest) if whole else None,
        duplicates=repeats(text, rest) and not repeats(truth, after),
    )


def added(text: str, replaced: int, after: str) -> str:
    """What a suggestion adds to the file: itself, without what it takes from the text after it and gives back."""
    whole = text + after[replaced:]
    return whole[: len(whole) - len(after)] if whole.endswith(after) else text


def repeats(text: str, after: str) -> bool:
    """Whether the end of a text, set before another, says what that one begins with: its next line, or its lines.

    The text's last line may be cut off, as by a limit: it then counts as what it is the beginning of. Lines that say
    little, such as closing brackets, do not count by themselves.
    """
    lines = [line.strip() for line in text.split("\n")]
    rest_of_line, *below = (line.strip() for line in after.split("\n"))
    if _says_something(rest_of_line) and lines[-1].endswith(rest_of_line):
        return True
    own = [line for line in lines if line]
    following = [line for line in below if line]
    if rest_of_line and own:
        # The text's last line goes on with what stands after it.
        own[-1] += rest_of_line
    return any(_overlaps(own[-length:], following[:length]) for length in range(1, min(len(own), len(following)) + 1))


def _overlaps(end: list[str], start: list[str]) -> bool:
    *whole, last = end
    same = whole == start[:-1] and (last == start[-1] or (_says_something(last) and start[-1].startswith(last)))
    return same and any(map(_says_something, end))


def _says_something(line: str) -> bool:
    return len("".join(line.split())) >= SHORTEST_LINE and any(character.isalnum() for character in line)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))
