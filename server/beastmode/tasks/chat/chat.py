"""A question about the workspace, from the user's words to the last event. Nothing in an answer causes an action."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.domain.errors import BeastModeError, UserError
from beastmode.domain.request import ChatRequest, Message, Task
from beastmode.domain.response import Finished, ReasoningDelta, Started, TextDelta
from beastmode.store import StoreError
from beastmode.tasks.base import prompt
from beastmode.tasks.chat.answer import citations, code_blocks
from beastmode.tasks.chat.attachments import pieces_of
from beastmode.tasks.chat.clean import clean, whole
from beastmode.tasks.chat.events import Answering, Ended, Part, Shown, Thought
from beastmode.tasks.chat.fitting import fit
from beastmode.tasks.chat.history import MemoryHistory, valid_id
from beastmode.tasks.chat.pieces import tokens
from beastmode.tasks.chat.prompt import FRAME, messages, overhead
from beastmode.tasks.chat.reading import Desk
from beastmode.tasks.chat.retrieval import Shelves, retrieve
from beastmode.tasks.chat.turns import FAILED, STOPPED, TOO_LONG, Turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
    from pathlib import Path

    from beastmode.context.session import Session as Workspace
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.router.plan import Verdict
    from beastmode.store import Database
    from beastmode.tasks.chat.attachments import Attachment
    from beastmode.tasks.chat.events import Event
    from beastmode.tasks.chat.history import History, Keeper
    from beastmode.tasks.chat.turns import Source

MOST_TURNS = 200
"""Turns of a session that are read; no window holds more."""
MOST_CHARACTERS = 1_000_000
"""Of an answer with its reasoning; an endpoint that says more than that never ends."""
ANSWER_SHARE = 4
"""One part of so many of a window is kept for the answer, if its model may write that much."""

log = logging.getLogger(__name__)


class Router(Protocol):
    """What chat needs of the router."""

    def stream(self, request: Request) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes."""
        ...

    def explain(self, request: Request) -> Sequence[Verdict]:
        """Every model that could answer, in its order."""
        ...


@dataclass(slots=True)
class _Heard:
    """What is known of an answer while it comes."""

    question: str
    sources: tuple[Source, ...]
    asked_at: float
    began: float = field(default_factory=monotonic)
    model: str = ""
    request_id: str = ""
    text: list[str] = field(default_factory=list)
    characters: int = 0
    first_s: float | None = None
    ended: str = STOPPED
    error: BeastModeError | None = None

    def turn(self) -> Turn:
        return Turn(
            self.question,
            "".join(self.text),
            self.ended,
            self.model,
            self.request_id,
            self.asked_at,
            monotonic() - self.began,
            self.first_s,
            whole(str(self.error)) if self.error else "",
            self.sources,
        )


class Chat:
    """Answers questions, and keeps them.

    Args:
        router: finds the model and asks it.
        history: the user's sessions.
        database: whose ledger knows what an answer cost.
        workspace: the folders and open documents; may change at any time.
        indexes: the folder of the search indexes; None: nothing is searched for.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        router: Router,
        history: History,
        database: Database,
        workspace: Workspace,
        *,
        indexes: Path | None,
        clock: Callable[[], float],
    ) -> None:
        self.history = history
        self._keeper: Keeper = history
        self._router = router
        self._database = database
        self._workspace = workspace
        self._indexes = indexes
        self._shelves = Shelves(indexes)
        self._clock = clock

    def unkept(self) -> Chat:
        """The same, with sessions of its own that are in memory only."""
        other = Chat(
            self._router, self.history, self._database, self._workspace, indexes=self._indexes, clock=self._clock
        )
        other._keeper = MemoryHistory(self._database)
        other._shelves = self._shelves
        return other

    async def ask(
        self,
        session_id: str | None,
        message: str,
        *,
        attachments: Iterable[Attachment] = (),
        model: str | None = None,
        local_only: bool = False,
        user: str = "",
    ) -> AsyncGenerator[Event]:
        """The answer to a message, as it comes; use it under `contextlib.aclosing`.

        Closing it early, or cancelling the task that reads it, stops the model; what came until then is kept.

        Args:
            session_id: the conversation that it belongs to, begun where there is none of that id; None: a question of
                its own, of which nothing is kept.
            message: the user's words.
            attachments: what the user wants the model to see.
            model: an id, or None for the user's route.
            local_only: nothing may leave this machine.
            user: who asks; '' is the owner of this machine.

        Raises:
            UserError: the message is blank, something cannot be attached, no model may or can answer. Nothing is kept.
            AttemptFailed: every model failed before it said anything. The turn is kept where a model was asked.
        """
        if not message.strip():
            raise UserError("The message is blank", "Write a question")
        question = whole(message)
        session = None if session_id is None else await self._keeper.find(valid_id(session_id))
        turns = await self._keeper.turns(session_id, MOST_TURNS) if session_id is not None and session else []
        desk = Desk(self._workspace)
        request, shown = await self._prepare(
            question,
            turns,
            count=session.turns if session else 0,
            attachments=attachments,
            desk=desk,
            route=ChatRequest((Message("user", question),), Task.CHAT, model, local_only=local_only, user=user),
        )
        yield shown
        heard = _Heard(question, shown.sources, self._clock())
        turn, is_kept = heard.turn(), False
        try:
            async with aclosing(self._listen(request, heard)) as events:
                async for event in events:
                    yield event
        finally:
            turn = heard.turn()
            if heard.model:
                turn, is_kept = await self._keep(session_id, turn, is_new=session is None)
        told = await asyncio.to_thread(citations, turn.answer, turn.sources, desk)
        yield Ended(turn, told, code_blocks(turn.answer), heard.error, is_kept)

    async def aclose(self) -> None:
        """Let go of the indexes."""
        await self._shelves.aclose()

    async def _prepare(
        self,
        question: str,
        turns: Sequence[Turn],
        *,
        count: int,
        attachments: Iterable[Attachment],
        desk: Desk,
        route: ChatRequest,
    ) -> tuple[ChatRequest, Shown]:
        """The request, cut to the window of the model that is asked first; and what is in it."""
        attached = await asyncio.to_thread(pieces_of, tuple(attachments), desk)
        said = [(turn.question, turn.answer) for turn in turns if turn.answer.strip()]
        before = said[-1][0] if said else ""
        found = await retrieve(question, before, self._shelves.of(self._workspace), desk, attached)
        instructions = prompt("chat")
        asked = self._asked(route)
        answer_tokens = min(asked.max_tokens, asked.context_window // ANSWER_SHARE)
        room = (asked.context_window - answer_tokens) * BYTES_PER_TOKEN - overhead(instructions, question)
        fitted = fit(room, said, attached, found, FRAME)
        # Turns that say nothing are not dropped: there was nothing to tell.
        dropped = max(0, count - len(turns)) + len(said) - fitted.turns
        told = messages(instructions, said, fitted, question, dropped)
        left = asked.context_window - sum(tokens(each.text) for each in told)
        limit = max(left, answer_tokens // ANSWER_SHARE, 1) if left < asked.max_tokens else None
        pieces = (*reversed(fitted.found), *fitted.attached)
        missing = tuple(f"{piece.path or 'the selection'}: no room for it in {asked.id}" for piece in fitted.left_out)
        shown = Shown(tuple(piece.source for piece in pieces), missing, fitted.turns, dropped)
        return replace(route, messages=told, max_tokens=limit), shown

    def _asked(self, route: ChatRequest) -> ModelSpec:
        """The model that will most likely answer: whose window counts."""
        verdicts = self._router.explain(route)
        return next((each for each in verdicts if each.against is None), verdicts[0]).model

    async def _listen(self, request: ChatRequest, heard: _Heard) -> AsyncGenerator[Event]:
        """The model's events as ours; an error after the first part is noted, one before it is raised."""
        try:
            async with aclosing(self._router.stream(request)) as events:
                async for event in events:
                    match event:
                        case Started():
                            heard.model, heard.request_id = event.model, event.request_id
                            yield Answering(event.model, event.request_id)
                        case TextDelta():
                            heard.first_s = monotonic() - heard.began if heard.first_s is None else heard.first_s
                            heard.characters += len(event.text)
                            if text := clean(event.text):
                                heard.text.append(text)
                                yield Part(text)
                        case ReasoningDelta():
                            heard.characters += len(event.text)
                            yield Thought(clean(event.text))
                        case Finished():
                            heard.ended = event.reason.value
                        case _:
                            pass
                    if heard.characters > MOST_CHARACTERS:
                        heard.ended = TOO_LONG
                        said = f"{heard.model} said more than {MOST_CHARACTERS} characters, and was stopped"
                        heard.error = BeastModeError(said, "Ask for less at once")
                        return
        except BeastModeError as error:
            heard.ended, heard.error = FAILED, error
            if not heard.text:
                raise

    async def _keep(self, session_id: str | None, turn: Turn, *, is_new: bool) -> tuple[Turn, bool]:
        keeper = self._keeper if session_id is not None else MemoryHistory(self._database)
        roots = self._workspace.roots
        try:
            return await keeper.add(session_id or "", turn, workspace=roots[0] if roots else "", is_new=is_new)
        except StoreError as error:
            log.warning("A turn of a chat could not be kept: %s", error)
            return turn, False
