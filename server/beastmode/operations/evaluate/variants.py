"""Who fills the holes: a model, asked by the engine, by the engine without some of its context, or by no engine.

Each way of asking is made anew for each hole, so that nothing an engine remembers passes from one to another.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.completion.engine import Engine
from beastmode.completion.fim import window_for
from beastmode.completion.multiline import is_multiline
from beastmode.domain.errors import BeastModeError, UserError
from beastmode.domain.request import FimRequest
from beastmode.domain.response import TextDelta
from beastmode.operations.evaluate.asking import Asking

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from beastmode.context.session import Session
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor
    from beastmode.operations.evaluate.asking import Asked, RouterLike, Said
    from beastmode.operations.evaluate.context import SessionContext
    from beastmode.operations.evaluate.editor import Editor
    from beastmode.settings import CompletionSettings

    MakeContext = Callable[[Session, Collection[str]], SessionContext]
    """Gathers context for a session, without the sources of these names."""

FULL, NAIVE, NAIVE_LINE, NO_CONTEXT = "full", "naive", "naive, one line", "without context"
_WITHOUT = "without "

ABOUT = {
    FULL: "the engine as it is",
    NAIVE: "the raw text before the cursor and nothing else, the answer shown as it comes",
    NAIVE_LINE: "the same, cut at the line's end where the engine asks for one line",
    NO_CONTEXT: "the engine with the current file only",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One column of the result: a model's id, and a way to ask it."""

    model: str
    way: str = FULL

    @property
    def name(self) -> str:
        """Unique in a run."""
        return f"{self.model}, {self.way}"


@dataclass(frozen=True, slots=True)
class Given:
    """What one variant gave for one hole.

    Attributes:
        text: of the suggestion; '' where there was none.
        replaced: characters after the cursor that it takes the place of.
        reason: why there was none, '' otherwise.
        seconds: from the question to the suggestion.
        asked: every question that a model got for it.
        error: the model's failure.
    """

    text: str
    replaced: int
    reason: str
    seconds: float
    asked: tuple[Asked, ...]
    error: BeastModeError | None = None


def variants_of(
    models: Sequence[str], sources: Collection[str], *, naive: bool = False, without: Collection[str] = ()
) -> tuple[Variant, ...]:
    """Every model in every way that was asked for; the first is what the others are compared with.

    Args:
        models: ids.
        sources: names of the sources of context that there are.
        naive: with the two ways that need no engine.
        without: names of sources to leave out one at a time; `each` for all of them so, `context` for all at once.

    Raises:
        UserError: there is no such source.
    """
    ways = [FULL, *((NAIVE, NAIVE_LINE) if naive else ())]
    for name in without:
        if name == "context":
            ways.append(NO_CONTEXT)
        elif name == "each":
            ways.extend(_WITHOUT + source for source in sources)
        elif name in sources:
            ways.append(_WITHOUT + name)
        else:
            raise UserError(
                f"There is no source of context called {name}",
                f"There are: context, each, {', '.join(sorted(sources))}",
            )
    return tuple(Variant(model, way) for model in models for way in dict.fromkeys(ways))


class Asks:
    """Asks models in the ways of variants.

    Args:
        router: the real one.
        settings: the user's.
        models: finds a model by its id.
        context: see `MakeContext`.
        sources: the names of all sources.
        code: of what turns a request into what is sent.
    """

    def __init__(
        self,
        router: RouterLike,
        settings: CompletionSettings,
        models: Callable[[str], ModelSpec],
        context: MakeContext,
        sources: Collection[str],
        *,
        code: str = "",
    ) -> None:
        self._router = router
        self._code = code
        # One suggestion is compared, so one is asked for; and what is switched off is still what was asked about.
        self._settings = replace(settings, candidates=1, enabled=True, languages_off=())
        self._models = models
        self._context = context
        self._sources = sources

    async def ask(self, variant: Variant, editor: Callable[[], Editor], memory: dict[str, Said]) -> Given:
        """What a variant suggests.

        Args:
            variant: who is asked, and how.
            editor: makes the place, anew for each engine.
            memory: of all that was answered; see `Asking`.
        """
        model = self._models(variant.model)
        asking = Asking(self._router, model, memory, self._code)
        if variant.way in {NAIVE, NAIVE_LINE}:
            return await self._naive(asking, model, editor().cursor, one_line=variant.way == NAIVE_LINE)
        return await self._engine(asking, editor(), left_out(variant.way, self._sources))

    async def _engine(self, asking: Asking, editor: Editor, without: Collection[str]) -> Given:
        context = self._context(editor.session, without)
        engine = Engine(asking, self._settings, monotonic, asking.selected, context=context)
        try:
            began = monotonic()
            answer = await engine.suggest(editor.cursor, explicit=True)
            seconds = monotonic() - began
        finally:
            await engine.aclose()
            await context.aclose()
        asked = tuple(asking.asked)
        if not answer.suggestions:
            return Given("", 0, answer.reason, seconds, asked, answer.error)
        best = answer.suggestions[0]
        return Given(best.text, best.replace_after, "", seconds, asked)

    async def _naive(self, asking: Asking, model: ModelSpec, cursor: Cursor, *, one_line: bool) -> Given:
        """As much text before the cursor as the engine shows, an answer as long as the engine's may be, and no more."""
        many = is_multiline(cursor)
        most = self._settings.multiline_max_tokens if many else self._settings.max_tokens
        prefix = window_for(cursor, self._settings, model).prefix
        request = FimRequest(prefix, suffix="", max_tokens=min(most, model.max_tokens))
        began, text, error = monotonic(), "", None
        try:
            async with aclosing(asking.stream(request)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        text += event.text
        except BeastModeError as failure:
            error = failure
        text = text.split("\n", 1)[0] if one_line and not many else text
        reason = f"failed: {error.kind}" if error else "" if text.strip() else "empty answer"
        return Given(text if not error else "", 0, reason, monotonic() - began, tuple(asking.asked), error)


def left_out(way: str, sources: Collection[str]) -> frozenset[str]:
    """The sources that a way of asking does without."""
    if way == NO_CONTEXT:
        return frozenset(sources)
    return frozenset({way.removeprefix(_WITHOUT)} & set(sources))
