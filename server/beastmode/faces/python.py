"""Direct use from Python: `from beastmode import BeastMode`. The same calls that the other doors use, as methods."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Self

from beastmode.app import App
from beastmode.context.session import Session
from beastmode.domain.errors import UserError
from beastmode.domain.request import FimRequest
from beastmode.ledger.days import FOREVER, midnight
from beastmode.settings import load
from beastmode.tasks.chat import Attachment, Ended, attachment_of
from beastmode.tasks.chat import Part as ChatPart
from beastmode.tasks.edits import recover, write
from beastmode.tasks.proposal import Failed, Order, Part, Place, Proposed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from beastmode.domain.response import Completion
    from beastmode.domain.routing import Health
    from beastmode.ledger.summary import Summary
    from beastmode.tasks.chat import Chat, Source
    from beastmode.tasks.chat.answer import Citation, CodeBlock
    from beastmode.tasks.proposal import Proposal

Repo = str | Path


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the chat.

    Attributes:
        text: the whole of it.
        code: its fenced blocks.
        citations: references in it to lines that exist.
        sources: what the model was shown of the workspace.
        model: who answered.
        request_id: its row in the ledger.
        cost: US dollars, None where no price is known.
        session_id: the conversation that it belongs to, None where nothing is kept.
        finish: why the answer ended: "stop", or "length" where the model's token limit cut it off.
    """

    text: str
    code: tuple[CodeBlock, ...]
    citations: tuple[Citation, ...]
    sources: tuple[Source, ...]
    model: str
    request_id: str
    cost: Decimal | None
    session_id: str | None
    finish: str


class BeastMode:
    """Everything that BEAST MODE does, with the models, keys and settings of this user; use it with `async with`.

    A task gives a `Proposal` and writes nothing; `write` makes its change. Every method raises `BeastModeError` (see
    `beastmode.domain.errors`) with what is wrong and what to do. Calls may run side by side.

    Args:
        home: a folder of its own for models, keys and ledger, instead of the user's.
        environment: the variables that settings are read from; the process's own by default.
    """

    def __init__(self, *, home: Repo | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        if home is not None:
            self._environment["BEASTMODE_HOME"] = str(home)
        self._opened: App | None = None
        self._chats: dict[Path, Chat] = {}

    async def __aenter__(self) -> Self:
        settings, notices = await asyncio.to_thread(load, self._environment)
        self._opened = await App.open(settings, notices)
        return self

    async def __aexit__(self, *_: object) -> None:
        app, self._opened = self._app, None
        for chat in self._chats.values():
            await chat.aclose()
        self._chats.clear()
        await app.close()

    async def chat(
        self,
        session_id: str | None,
        message: str,
        *,
        repo: Repo = ".",
        model: str | None = None,
        files: Iterable[str] = (),
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """Ask about a repository; the conversation is kept under its id and survives the process.

        Args:
            session_id: of the conversation, begun where there is none; None: a question of its own, not kept.
            message: the question.
            repo: the folder that it is about.
            model: an id such as `custom:my-code-model`; None: the one that is selected.
            files: what the model should see, each `PATH`, `PATH:12` or `PATH:12-20` below the repository.
            local_only: nothing may leave this machine.
            on_text: is called with each piece of the answer as it comes.
        """
        root = _root(repo)
        if root not in self._chats:
            self._chats[root] = self._app.chat_about(Session(time, [str(root)]))
        attachments = _attachments(files, root)
        events = self._chats[root].ask(session_id, message, attachments=attachments, model=model, local_only=local_only)
        ended: Ended | None = None
        async with aclosing(events):
            async for event in events:
                if isinstance(event, ChatPart) and on_text is not None:
                    on_text(event.text)
                elif isinstance(event, Ended):
                    ended = event
        assert ended is not None, "a chat that does not raise ends with Ended"  # noqa: S101 - for the type checker
        if ended.error is not None:
            raise ended.error
        turn = ended.turn
        return Reply(
            turn.answer,
            ended.code,
            ended.citations,
            turn.sources,
            turn.model,
            turn.request_id,
            turn.spent.cost,
            session_id if ended.is_kept else None,
            turn.ended,
        )

    async def feature(
        self,
        description: str,
        *,
        repo: Repo = ".",
        files: Iterable[str] = (),
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Plan a feature and propose it as one change of several files; arguments as for `chat`."""
        root = _root(repo)
        order = Order("feature", description, _attachments(files, root), None, model, local_only)
        return await self._run(order, root, on_text)

    async def refactor(
        self,
        file: str,
        instruction: str = "",
        *,
        repo: Repo = ".",
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Propose better code that does the same, for a file (`PATH`) or lines of it (`PATH:12-20`)."""
        return await self._one("refactor", file, instruction, repo, (model, local_only, on_text))

    async def document(
        self,
        file: str,
        instruction: str = "",
        *,
        repo: Repo = ".",
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Propose docstrings and comments for a file or lines of it; its code stays as it is."""
        return await self._one("document", file, instruction, repo, (model, local_only, on_text))

    async def tests(
        self,
        file: str,
        instruction: str = "",
        *,
        repo: Repo = ".",
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Propose tests for a file or lines of it; run before where `beastmode allow` said yes: see `verdict`."""
        return await self._one("tests", file, instruction, repo, (model, local_only, on_text))

    async def fix(
        self,
        file: str,
        problem: str,
        *,
        repo: Repo = ".",
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Propose a fix for what is wrong in a file, or in lines of it; `problem` is what a tool or you say."""
        root = _root(repo)
        (found,) = _attachments((file,), root)
        if found.end_line is None:
            return await self._one("fix", file, problem, repo, (model, local_only, on_text))
        place = Place(found.path, found.line, found.end_line, problem)
        return await self._run(Order("fix", "", (), place, model, local_only), root, on_text)

    async def explain(
        self,
        file: str,
        question: str = "",
        *,
        repo: Repo = ".",
        model: str | None = None,
        local_only: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> str:
        """Say what a file, or lines of it, do."""
        return (await self._one("explain", file, question, repo, (model, local_only, on_text))).text

    async def write(self, proposal: Proposal, *, repo: Repo = ".") -> None:
        """Make a proposal's change: all of it, or nothing where a file changed meanwhile (`StaleFile`)."""
        root = _root(repo)
        if proposal.change is None:
            raise UserError("The proposal holds no change", "Only what changes code can be written")
        await recover(root, self._app.journals)
        await write(proposal.change, root, self._app.journals)

    async def complete(
        self,
        prefix: str,
        suffix: str = "",
        *,
        path: str = "",
        language: str = "",
        model: str | None = None,
        max_tokens: int = 64,
        local_only: bool = False,
    ) -> Completion:
        """Fill a hole in code, unfiltered: `.text` stands between `prefix` and `suffix`."""
        request = FimRequest(prefix, suffix, path, language, model=model, max_tokens=max_tokens, local_only=local_only)
        return await self._app.router.complete(request)

    async def metrics(self, since: float | None = None, until: float = FOREVER) -> Summary:
        """Requests, times, costs and savings between two moments (Unix seconds); by default since midnight."""
        return await self._app.ledger.summary(midnight(time()) if since is None else since, until)

    async def health(self) -> dict[str, Health]:
        """How each registered model does, by its id."""
        app = self._app
        await app.refresh()
        return {model.id: app.health.of(model.id) for model in app.registry.models}

    @property
    def _app(self) -> App:
        if self._opened is None:
            raise UserError("BeastMode is not open", "Write `async with BeastMode() as bm:` and use it inside")
        return self._opened

    async def _one(
        self,
        task: str,
        file: str,
        instruction: str,
        repo: Repo,
        how: tuple[str | None, bool, Callable[[str], None] | None],
    ) -> Proposal:
        """A task for one file; `how` is the model, whether nothing may leave, and who hears the answer."""
        root = _root(repo)
        model, local_only, on_text = how
        return await self._run(
            Order(task, instruction, _attachments((file,), root), None, model, local_only), root, on_text
        )

    async def _run(self, order: Order, root: Path, on_text: Callable[[str], None] | None) -> Proposal:
        last: Proposed | Failed | None = None
        async with aclosing(self._app.work.run(order, root)) as events:
            async for event in events:
                if isinstance(event, Part) and on_text is not None:
                    on_text(event.text)
                elif isinstance(event, Proposed | Failed):
                    last = event
        if isinstance(last, Failed):
            raise last.error
        assert last is not None, "a task ends with Proposed or Failed"  # noqa: S101 - for the type checker
        return last.proposal


def _root(repo: Repo) -> Path:
    root = Path(repo).expanduser().resolve()
    if not root.is_dir():
        raise UserError(f"{root} is not a folder", "Name the folder of the repository")
    return root


def _attachments(files: Iterable[str], root: Path) -> tuple[Attachment, ...]:
    return tuple(Attachment(each) if (root / each).exists() else attachment_of(each) for each in files)
