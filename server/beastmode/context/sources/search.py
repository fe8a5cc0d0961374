"""The files of the workspace that nobody has open, by the search index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.context.excerpts import trimmed
from beastmode.context.exclude import is_sensitive
from beastmode.domain.context import Snippet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from beastmode.context.gather import Here
    from beastmode.context.session import OpenDocument

MOST = 8
MOST_WORDS = 24
BEST = 0.6


class Chunk(Protocol):
    """Lines [line, end_line] of an indexed file; `path` relative to the index's folder, `score` 0 to 1."""

    @property
    def path(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def end_line(self) -> int: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102


class Searchable(Protocol):
    """What this source needs of `context.index.Index`."""

    async def search(self, words: Sequence[str], *, limit: int, leave_out: Collection[str] = ()) -> Sequence[Chunk]:
        """The chunks in which most of the words occur."""
        ...


class Search:
    """Finds chunks of closed files that speak of the same things, and far parts of the document itself.

    Args:
        indexes: by workspace folder; the caller may change it at any time.
    """

    name = "search"

    def __init__(self, indexes: Mapping[str, Searchable]) -> None:
        self._indexes = indexes

    async def find(self, here: Here) -> list[Snippet]:
        """The best chunks of every workspace folder."""
        words = here.names[:MOST_WORDS]
        if not words:
            return []
        session = here.session
        own = session.relative(here.cursor.path)
        # Open tabs have a source of their own, which sees them as they are now.
        is_open = {session.relative(each.path) for each in session.documents} - {own}
        found = []
        for root, index in list(self._indexes.items()):
            prefix = session.prefix(root)
            leave_out = {path.removeprefix(prefix) for path in is_open if path.startswith(prefix)}
            for chunk in await index.search(words, limit=MOST, leave_out=leave_out):
                path = prefix + chunk.path
                line, text = chunk.line, chunk.text
                if is_sensitive(path) or path in is_open:
                    continue
                if path == own:
                    line, text = _as_it_is_now(here, chunk)
                if text:
                    text = text if text.endswith("\n") else f"{text}\n"
                    found.append(Snippet(path, text, line, self.name, "found by its words", BEST * chunk.score))
        found.sort(key=lambda each: -each.score)
        return found[:MOST]


def _as_it_is_now(here: Here, chunk: Chunk) -> tuple[int, str]:
    """A chunk of the document itself, which may have changed since it was indexed; '' where it moved away."""
    document: OpenDocument | None = here.session.document(here.cursor.uri)
    if document is None or here.shows(here.cursor.uri, chunk.line, chunk.end_line + 1):
        return chunk.line, ""
    lines = document.lines[chunk.line : chunk.end_line + 1]
    if not lines or lines[0] != chunk.text.split("\n", 1)[0]:
        return chunk.line, ""
    return trimmed(chunk.line, lines)
