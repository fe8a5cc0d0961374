"""The context that an engine gets while it is evaluated: the real sources, waited for.

While somebody types, a source that takes long is left out. Here it gets its time, so that a run tells what the sources
find and not how busy the machine was.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import monotonic
from typing import TYPE_CHECKING, Self

from beastmode.context.gather import Gatherer
from beastmode.context.index import Index, Indexer
from beastmode.context.sources import sources
from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path
    from types import TracebackType

    from beastmode.completion.parts import GatheredLike
    from beastmode.context.session import Session
    from beastmode.context.window import Window
    from beastmode.domain.text import Cursor

LIMIT_S = 10.0
"""Seconds that a source may take."""


class SessionContext:
    """What a session leads to; see `beastmode.completion.parts.Context`.

    Args:
        gatherer: asks the sources.
        session: what is open, and what was done.
    """

    def __init__(self, gatherer: Gatherer, session: Session) -> None:
        self._gatherer = gatherer
        self._session = session

    def state(self, uri: str) -> int:
        """The session's."""
        return self._session.elsewhere(uri)

    def relative(self, path: str) -> str:
        """From the repository's root on."""
        return self._session.relative(path)

    async def gather(self, cursor: Cursor, window: Window, tokens: int) -> GatheredLike:
        """What the sources give."""
        return await self._gatherer.gather(cursor, window, tokens)

    async def aclose(self) -> None:
        """Stop the sources."""
        await self._gatherer.aclose()


class Contexts:
    """Makes contexts for the files of repositories; use it as an asynchronous context.

    Args:
        roots: of the repositories.
        folder: where their search indexes are kept.
    """

    def __init__(self, roots: Sequence[Path], folder: Path) -> None:
        self._roots = roots
        self._folder = folder
        self._indexes: dict[str, Index] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def index(self, say: Callable[[str, float | None], None]) -> None:
        """Bring the search index of each repository up to date.

        Raises:
            UserError: one cannot be made.
        """
        for root in self._roots:
            say(f"Indexing {root.name}", None)
            indexer = Indexer(root, self._folder, share=1.0, once=True)
            indexer.start()
            try:
                state = await indexer.finished()
            finally:
                await indexer.aclose()
            if state.activity == "off":
                raise UserError(f"{root} cannot be indexed: {state.reason}", "See that its folder can be read")
            index = self._indexes[str(root)] = Index(root, self._folder, LIMIT_S)
            self._open.push_async_callback(index.aclose)

    def make(self, session: Session, without: Collection[str]) -> SessionContext:
        """The context of one session, whose only root is one of the repositories.

        Args:
            session: what is open, and what was done.
            without: names of sources that are left out.
        """
        of_roots = {root: self._indexes[root] for root in session.roots if root in self._indexes}
        chosen = [each for each in sources(of_roots) if each.name not in without]
        return SessionContext(Gatherer(chosen, session, monotonic, LIMIT_S), session)


def source_names() -> tuple[str, ...]:
    """All sources there are."""
    return tuple(each.name for each in sources({}))
