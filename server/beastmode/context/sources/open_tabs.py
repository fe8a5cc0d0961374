"""The parts of the other open tabs that speak of the same things as the code around the cursor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from beastmode.context.excerpts import may_show, names_in, trimmed
from beastmode.domain.context import Snippet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.context.gather import Here
    from beastmode.context.session import OpenDocument, Session

MOST = 8
MOST_TABS = 12
MOST_LINES = 1000
"""Lines of a tab that are looked at, around where the user was in it."""
MOST_CHARACTERS = 80_000
CHUNK_LINES, LEAST_CHUNK_LINES = 40, 20
LEAST_LIKENESS = 0.06
BEST = 0.7
OTHER_LANGUAGE = 0.6
"""What a chunk in another language is worth."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines [line, end) of a tab, and the names in them."""

    line: int
    end: int
    names: frozenset[str]


class OpenTabs:
    """Finds the chunks most alike, by the names they share with the code around the cursor."""

    name = "open_tabs"

    def __init__(self) -> None:
        self._read: dict[str, tuple[int, list[_Chunk]]] = {}

    async def find(self, here: Here) -> list[Snippet]:
        """The best chunks of the tabs used last; a tab is read once a version."""
        session, near = here.session, frozenset(here.names)
        others = (
            each
            for each in session.documents
            if each.uri != here.cursor.uri and may_show(here, each.uri, each.path, each.language)
        )
        tabs = list(islice(others, MOST_TABS))
        found: list[tuple[float, Snippet]] = []
        for tab in tabs:
            chunks = await self._chunks(tab, session)
            path = session.relative(tab.path)
            weight = 1 if tab.language == here.cursor.language else OTHER_LANGUAGE
            for chunk in chunks:
                shared = len(near & chunk.names)
                likeness = weight * shared / (len(near | chunk.names) or 1)
                if likeness >= LEAST_LIKENESS:
                    line, text = trimmed(chunk.line, tab.lines[chunk.line : chunk.end])
                    score = min(BEST, 0.25 + 1.5 * likeness)
                    why = f"open tab, {shared} names in common"
                    found.append((likeness, Snippet(path, text, line, self.name, why, score)))
        self._read = {tab.uri: self._read[tab.uri] for tab in tabs if tab.uri in self._read}
        found.sort(key=lambda each: (-each[0], each[1].path, each[1].line))
        return [snippet for _, snippet in found[:MOST]]

    async def _chunks(self, tab: OpenDocument, session: Session) -> list[_Chunk]:
        read = self._read.get(tab.uri)
        if read is not None and read[0] == tab.version:
            return read[1]
        # A millisecond a tab: between two of them the keystrokes have their turn.
        await asyncio.sleep(0)
        focus = next((each.focus for each in session.visits if each.uri == tab.uri), 0)
        first = max(0, focus - MOST_LINES // 2)
        lines = tab.lines[first : first + MOST_LINES]
        chunks = []
        room = MOST_CHARACTERS
        for start, end in cuts(lines):
            room -= sum(map(len, lines[start:end]))
            if room < 0:
                break
            chunks.append(_Chunk(first + start, first + end, names_in(lines[start:end])))
        self._read[tab.uri] = (tab.version, chunks)
        return chunks


def cuts(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Lines divided into chunks [start, end) of at most `CHUNK_LINES`, each ending before a definition or a blank line.

    The best place to cut is before the line with the least indentation that follows a blank one.
    """
    found = []
    start = 0
    while start < len(lines):
        end = start + CHUNK_LINES
        if end < len(lines):
            end = min(range(end, start + LEAST_CHUNK_LINES, -1), key=lambda place: _awkwardness(lines, place))
        found.append((start, min(end, len(lines))))
        start = end
    return found


def _awkwardness(lines: Sequence[str], place: int) -> int:
    """How bad it is to cut before a line."""
    line = lines[place]
    indent = len(line) - len(line.lstrip())
    after_blank = not lines[place - 1].strip()
    is_blank = not line.strip()
    return indent + (0 if after_blank and not is_blank else 8 if is_blank else 16)
