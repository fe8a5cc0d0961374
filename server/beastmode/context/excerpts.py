"""What sources do with lines: which may be shown, how they become a snippet's text, how related they are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive
from beastmode.domain.context import Snippet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from beastmode.context.gather import Here
    from beastmode.context.session import Range

NOTEBOOK = "vscode-notebook-cell:"
MINUTE_S, HOUR_S = 60, 3600
MOST_RANGES = 8
_LONGEST_LINE = 300
"""Characters of a line that are looked at for names."""
_NAME = re.compile(r"[^\W\d]\w{2,}")
_ENOUGH = 5
"""Names in common that make two pieces of code related."""


def may_show(here: Here, uri: str, path: str, language: str) -> bool:
    """Whether a document may be shown beside the one at hand.

    Not one with secrets, and not another state of the same file, such as the left side of a comparison; the cells of a
    notebook share a path.
    """
    if is_sensitive(path, language):
        return False
    return uri == here.cursor.uri or path != here.cursor.path or uri.startswith(NOTEBOOK)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a source of remembered ranges presents them.

    Attributes:
        source: its name.
        verb: what the user did there.
        best, fades: the score of the last range, and what is left of it with each one since.
        unrelated: what is left of that where it has no name in common with the code around the cursor.
    """

    source: str
    verb: str
    best: float
    fades: float
    unrelated: float


def touched(here: Here, places: Sequence[Range], kind: Kind) -> list[Snippet]:
    """The first remembered ranges that are not in the window, as snippets."""
    found: list[Snippet] = []
    session = here.session
    for place in places:
        if len(found) == MOST_RANGES:
            break
        if not may_show(here, place.uri, place.path, place.language):
            continue
        if here.shows(place.uri, place.focus, place.focus + 1):
            continue
        line, lines = outside(here, place.uri, *session.excerpt(place))
        line, text = trimmed(line, lines)
        if text:
            related = kind.unrelated + (1 - kind.unrelated) * relatedness(here.names, lines)
            score = kind.best * kind.fades ** len(found) * related
            why = f"{kind.verb} {ago(session.now - place.at)}"
            found.append(Snippet(session.relative(place.path), text, line, kind.source, why, score))
    return found


def outside(here: Here, uri: str, first: int, lines: Sequence[str]) -> tuple[int, Sequence[str]]:
    """The lines that are not in the window: those above it or those below it, whichever are more."""
    if uri != here.cursor.uri:
        return first, lines
    above = lines[: max(0, here.first_line - first)]
    below_from = max(0, here.last_line + 1 - first)
    below = lines[below_from:]
    return (first, above) if len(above) >= len(below) else (first + below_from, below)


def trimmed(first: int, lines: Sequence[str]) -> tuple[int, str]:
    """A snippet's first line and text, without blank lines at its ends; '' where nothing is left."""
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return first + start, "".join(f"{line}\n" for line in lines[start:end])


def names_in(lines: Sequence[str]) -> frozenset[str]:
    """The words of some lines that look like names."""
    return frozenset(_NAME.findall("\n".join([line[:_LONGEST_LINE] for line in lines])))


def relatedness(names: Collection[str], lines: Sequence[str]) -> float:
    """0 to 1: how many of the names occur in some lines."""
    return min(1.0, len(names_in(lines).intersection(names)) / _ENOUGH)


def ago(seconds: float) -> str:
    """A time in the past in words: "just now", "5 min ago"."""
    if seconds < MINUTE_S:
        return "just now"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min ago"
    return f"{seconds // HOUR_S:.0f} h ago"
