"""What an engine is made of, as far as it has to know: the router, the settings, the context, the listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from beastmode.completion.fim import Budget

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from beastmode.completion.why import Told
    from beastmode.context.window import Window
    from beastmode.domain.context import Snippet
    from beastmode.domain.request import FimRequest
    from beastmode.domain.response import StreamEvent
    from beastmode.domain.text import Cursor


class RouterLike(Protocol):
    """What the engine needs of the router."""

    def stream(self, request: FimRequest) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes; closing the generator stops the model."""
        ...


class CompletionSettingsLike(Budget, Protocol):
    """What the engine needs of the settings."""

    @property
    def enabled(self) -> bool:
        """Whether to suggest anything at all."""
        ...

    @property
    def languages_off(self) -> Collection[str]:
        """The languages, by the editor's names, in which nothing is suggested unless the user asks."""
        ...

    @property
    def debounce_max_ms(self) -> int:
        """The longest wait for the next keystroke."""
        ...

    @property
    def candidates(self) -> int:
        """How many suggestions a user who asks may choose from."""
        ...


class GatheredLike(Protocol):
    """What the sources of context gave: pieces of code, and what gave none and why."""

    @property
    def snippets(self) -> tuple[Snippet, ...]:
        """In the order in which they are shown."""
        ...

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a source and a reason."""
        ...


class Context(Protocol):
    """Other code that may help."""

    def state(self, uri: str) -> int:
        """A number that changes when anything but this document changed that could change what is gathered for it."""
        ...

    def relative(self, path: str) -> str:
        """What a model may see of a path."""
        ...

    async def gather(self, cursor: Cursor, window: Window, tokens: int) -> GatheredLike:
        """The pieces for a cursor, at most that many tokens of them."""
        ...


class Listener(Protocol):
    """Is told what became of each question."""

    def told(self, told: Told, model: str) -> None:
        """This is what the editor gets; `model` is the one that was selected, '' where none was."""
        ...

    def rejected_here(self, cursor: Cursor) -> bool:
        """Whether the user has just turned down a suggestion at this very place."""
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing was gathered."""

    snippets: tuple[Snippet, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


class NoContext:
    """There is no other code."""

    def state(self, _uri: str) -> int:
        """Always the same."""
        return 0

    def relative(self, path: str) -> str:
        """The file's name alone: the folders above it may name the user."""
        return path.replace("\\", "/").rpartition("/")[2]

    async def gather(self, _cursor: Cursor, _window: Window, _tokens: int) -> Nothing:
        """Nothing."""
        return Nothing()


NO_CONTEXT = NoContext()


class Deaf:
    """A listener that remembers nothing."""

    def told(self, _told: Told, _model: str) -> None:
        """So be it."""

    def rejected_here(self, _cursor: Cursor) -> bool:
        """Nothing is known to be rejected."""
        return False
