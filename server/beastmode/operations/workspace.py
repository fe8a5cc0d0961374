"""The workspace that an editor has open: what the user does in it, its search index, what a model is shown of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.completion.parts import Nothing
from beastmode.context.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.completion.parts import GatheredLike
    from beastmode.context.gather import Gatherer
    from beastmode.context.index import Index, Indexer, State
    from beastmode.context.window import Window
    from beastmode.domain.text import Cursor

FIRST_S = 0.5
"""Seconds that belong to the first suggestion in a language; what context needs is loaded behind it."""
NOT_LOADED = Nothing(left_out=(("context", "it is still being loaded"),))


class Workspace:
    """The folders, the open documents and the sources of context over them; the engine's `Context`.

    Args:
        folder: where search indexes live.
        clock: seconds, monotonic.
        indexes: whether to keep search indexes at all.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float],
        *,
        indexes: bool = True,
    ) -> None:
        self.session = Session(clock)
        self._folder = folder
        self._clock = clock
        self._is_indexed = indexes
        self._indexes: dict[str, Index] = {}
        self._indexers: dict[str, Indexer] = {}
        self._gatherer: Gatherer | None = None
        self._prepared: set[str] = set()
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._on_battery = False
        self._indexing = asyncio.Lock()
        self._is_closed = False

    def work_in(self, roots: Sequence[str]) -> None:
        """The workspace has these folders now: absolute paths. Needs a running event loop where it is indexed."""
        self.session.roots = tuple(roots)

    async def index(self) -> None:
        """Bring the search indexes of the folders up to date and keep them so; what is no folder any more is let go.

        Apart from `work_in`, because it can wait until the first suggestions have been given.
        """
        async with self._indexing:
            await self._index()

    async def _index(self) -> None:
        if self._is_closed:
            return
        wanted = {root for root in self.session.roots if self._is_indexed and _is_project(Path(root))}
        for root in [root for root in self._indexes if root not in wanted]:
            await self._indexers.pop(root).aclose()
            await self._indexes.pop(root).aclose()
        if not wanted:
            return
        from beastmode.context.index import Index, Indexer  # noqa: PLC0415 - SQLite and its threads can wait

        for root in wanted - self._indexes.keys():
            self._indexes[root] = Index(Path(root), self._folder)
            indexer = self._indexers[root] = Indexer(Path(root), self._folder)
            indexer.start()
            if self._on_battery:
                indexer.pause()

    def saved(self, path: str) -> None:
        """A file was written by the editor."""
        for root, indexer in self._indexers.items():
            if Path(path).is_relative_to(root):
                indexer.touched(path)

    def save_power(self, *, on: bool) -> None:
        """The machine runs on battery, or no longer does."""
        self._on_battery = on
        for indexer in self._indexers.values():
            if on:
                indexer.pause()
            else:
                indexer.resume()

    def states(self) -> tuple[str, ...]:
        """What the index of each folder is doing, in words."""
        return tuple(f"{Path(root).name}: {_words(indexer.state)}" for root, indexer in self._indexers.items())

    def state(self, uri: str) -> int:
        """See `Context.state`."""
        return self.session.elsewhere(uri)

    def relative(self, path: str) -> str:
        """See `Context.relative`."""
        return self.session.relative(path)

    async def prepare(self, language: str) -> None:
        """Load the sources and what they need for a language, in a thread; until then there is no context."""
        if self._gatherer is None:
            make = await asyncio.to_thread(_imported)
            self._gatherer = self._gatherer or make(self._indexes, self.session, self._clock)
        await self._gatherer.prepare(language)
        self._prepared.add(language)

    async def gather(self, cursor: Cursor, window: Window, tokens: int) -> GatheredLike:
        """See `Context.gather`; a key does not wait for what has to be loaded first."""
        if self._gatherer is not None and cursor.language in self._prepared:
            return await self._gatherer.gather(cursor, window, tokens)
        if cursor.language not in self._preparing and not self._is_closed:
            self._preparing[cursor.language] = asyncio.create_task(self._prepare_soon(cursor.language))
        return NOT_LOADED

    async def _prepare_soon(self, language: str) -> None:
        await asyncio.sleep(FIRST_S)
        await self.prepare(language)

    async def aclose(self) -> None:
        """Stop the sources and the indexing."""
        self._is_closed = True
        for task in self._preparing.values():
            task.cancel()
        await asyncio.gather(*self._preparing.values(), return_exceptions=True)
        if self._gatherer is not None:
            await self._gatherer.aclose()
        async with self._indexing:
            await asyncio.gather(*(indexer.aclose() for indexer in self._indexers.values()))
            await asyncio.gather(*(index.aclose() for index in self._indexes.values()))


def _imported() -> Callable[[Mapping[str, Index], Session, Callable[[], float]], Gatherer]:
    """What makes a gatherer; its imports take longer than a key may wait."""
    from beastmode.context.gather import Gatherer  # noqa: PLC0415 - see above
    from beastmode.context.sources import sources  # noqa: PLC0415 - as above

    return lambda indexes, session, clock: Gatherer(sources(indexes), session, clock)


def _words(state: State) -> str:
    if state.activity == "off":
        return f"off ({state.reason})" if state.reason else "off"
    if state.activity == "shared":
        return "kept by another window"
    return f"{state.activity}, {state.done} of {state.total} files"


def _is_project(root: Path) -> bool:
    """Whether a folder may be searched: one that is there, and neither the user's home nor above it."""
    with suppress(OSError, RuntimeError):
        return root.is_dir() and not Path.home().is_relative_to(root.resolve())
    return False
