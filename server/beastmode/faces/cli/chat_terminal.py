"""`beastmode chat` without a question: a conversation. Ctrl-C stops an answer and not the conversation."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from rich.text import Text

from beastmode.context.index import Index
from beastmode.domain.errors import BeastModeError
from beastmode.faces.cli.chat import answer, attached
from beastmode.faces.cli.render import complain, err, table
from beastmode.tasks.chat.clean import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from beastmode.app import App
    from beastmode.faces.cli.chat_output import Asked, Output
    from beastmode.tasks.chat import Chat

Ask = "Callable[[str], Awaitable[str]]"
"""Reads a line after a prompt; EOFError at the end, KeyboardInterrupt where the user gave the line up."""


class Conversation:
    """Questions and answers until the user leaves.

    Args:
        app: open.
        chat: that of the app, or one that keeps nothing.
        asked: what goes with every question.
        output: where answers go.
        read: see `Ask`.
        is_kept: whether a session is written.
    """

    def __init__(
        self,
        app: App,
        chat: Chat,
        asked: Asked,
        output: Output,
        read: Callable[[str], Awaitable[str]],
        *,
        is_kept: bool,
    ) -> None:
        self._app = app
        self._chat = chat
        self._asked = asked
        self._output = output
        self._read = read
        self._is_kept = is_kept
        self._has_asked = False
        self._is_over = False

    async def run(self) -> None:
        """Until /exit or the end of the input."""
        self._greet()
        while not self._is_over:
            try:
                line = (await self._read("> ")).strip()
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
            if not line:
                continue
            try:
                await (self._command(line) if _is_command(line) else self._question(line))
            except BeastModeError as error:
                complain(error.message, error.fix)
        if self._has_asked and self._is_kept:
            err().print(f"Go on with it: beastmode chat --session {self._asked.session_id}", style="dim")

    def _greet(self) -> None:
        root, *_ = self._app.workspace.session.roots
        err().print(Text(f"{root}: ask about it. /help tells more; Ctrl-D leaves.", "dim"))
        if not _has_index(root, self._app):
            err().print(Text(f"It has no search index yet: beastmode index {root}", "dim"))

    async def _question(self, line: str) -> None:
        self._has_asked = True
        asked = replace(self._asked, message=line)
        if not await _until_interrupted(answer(self._chat, asked, self._output)):
            err().print("Stopped", style="dim")

    async def _command(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        await _COMMANDS[name][0](self, rest.strip())

    async def model(self, rest: str) -> None:
        """Who answers."""
        if rest:
            self._asked = replace(self._asked, model=self._app.registry.get(rest).id)
        err().print(self._asked.model or "the selected model answers", style="dim")

    async def files(self, rest: str) -> None:
        """What is attached."""
        known = self._asked.attachments
        if rest == "clear":
            known = ()
        elif rest:
            known = (*known, attached(rest))
        self._asked = replace(self._asked, attachments=known)
        for each in known:
            lines = "" if each.end_line is None else f":{each.line + 1}-{each.end_line + 1}"
            err().print(Text(f"{each.path}{lines}", "dim"))
        if not known:
            err().print("no file is attached", style="dim")

    async def sessions(self, rest: str) -> None:
        """Other conversations."""
        history = self._chat.history
        if rest:
            self._asked = replace(self._asked, session_id=(await history.get(rest)).id)
        found = await history.sessions()
        here = self._asked.session_id
        rows = (("→" if each.id == here else "", each.id, clean(each.title), each.turns) for each in found)
        err().print(table(("", "id", "title", "turns"), rows))

    async def new(self, _rest: str) -> None:
        """Another one."""
        self._asked = replace(self._asked, session_id=uuid4().hex[:8])
        err().print("a new session", style="dim")

    async def leave(self, _rest: str) -> None:
        """No more."""
        self._is_over = True

    async def tell(self, _rest: str) -> None:
        """All commands."""
        err().print(
            table(("", ""), ((f"{name} {arguments}", help_) for name, (_, arguments, help_) in _COMMANDS.items()))
        )


_COMMANDS: dict[str, tuple[Callable[[Conversation, str], Awaitable[None]], str, str]] = {
    "/model": (Conversation.model, "[ID]", "who answers; with an id, who is to answer from now on"),
    "/files": (Conversation.files, "[PATH[:A-B] | clear]", "what the model is shown with every question"),
    "/sessions": (Conversation.sessions, "[SESSION]", "the sessions that are kept; with a name, go on with that one"),
    "/new": (Conversation.new, "", "begin another session"),
    "/help": (Conversation.tell, "", "this"),
    "/exit": (Conversation.leave, "", "leave; so does Ctrl-D"),
}


def _is_command(line: str) -> bool:
    """Whether a line is one of our commands; `/usr/bin/env does what?` is a question."""
    return line.partition(" ")[0] in _COMMANDS


async def _until_interrupted(work: Awaitable[object]) -> bool:
    """Run it; Ctrl-C cancels it, and nothing else. Whether it came to its end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        await asyncio.wait({task})
    finally:
        signal.signal(signal.SIGINT, before)
        if not task.done():  # we are cancelled ourselves
            task.cancel()
    if task.cancelled():
        return False
    task.result()
    return True


def _has_index(root: str, app: App) -> bool:
    return Index(Path(root), app.settings.paths.home / "index").file.exists()


def typed_lines(said: Sequence[str]) -> Callable[[str], Awaitable[str]]:
    """Lines as a person types them, with editing, and with the questions of earlier as the history of the arrow keys.

    Nothing of it is written to a file of its own.
    """
    from prompt_toolkit import PromptSession  # noqa: PLC0415 - a quarter of a second
    from prompt_toolkit.completion import WordCompleter  # noqa: PLC0415 - as above
    from prompt_toolkit.history import InMemoryHistory  # noqa: PLC0415 - as above

    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(list(said)),
        completer=WordCompleter(list(_COMMANDS), sentence=True),
        complete_while_typing=False,
    )
    return session.prompt_async
