"""`beastmode chat …`: questions about the workspace from a terminal or a script, and the sessions kept of them."""

from __future__ import annotations

import json
import sys
from contextlib import aclosing
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from typer.core import TyperGroup

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.faces.cli.chat_output import Asked, Lines, Markdown, Output, Plain, shown_turn
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import out, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.tasks.chat import Attachment, SessionNotFound, attachment_of, to_markdown

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.tasks.chat import Chat

Name = Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or its title.")]


class _AskByDefault(TyperGroup):
    """`beastmode chat WORDS` is `beastmode chat ask WORDS`; a question that is called `show` is `ask show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["ask", *args]
        return super().parse_args(ctx, args)


def build_group() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(cls=_AskByDefault)
    group.command("ask")(ask)
    group.command("sessions")(sessions)
    group.command("show")(show)
    group.command("rename")(rename)
    group.command("delete")(delete)
    group.command("export")(export)
    return group


def ask(
    message: Annotated[
        str | None, typer.Argument(help="The question; - reads it from standard input; none: a conversation.")
    ] = None,
    *,
    session: Annotated[
        str | None, typer.Option("--session", "-s", help="Go on with this session, or begin it under this name.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", metavar="PATH[:A-B]", help="Show the model this file, or these lines of it."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="An id; otherwise the selected model answers.")] = None,
    local_only: Annotated[bool, typer.Option("--local-only", help="Nothing may leave this machine.")] = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep nothing of it.")] = False,
    workspace: Annotated[
        Path | None, typer.Option("--dir", "-d", help="The workspace; otherwise the repository around this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")] = False,
) -> None:
    """Ask about the workspace, once or in a conversation. This is what `beastmode chat` does."""
    is_conversation = message is None and sys.stdin.isatty() and not as_json
    text = sys.stdin.read() if message in {"-", None} and not is_conversation else message
    attachments = tuple(attached(each) for each in file or ())

    async def work(app: App) -> bool:
        root = workspace_of(workspace)
        app.workspace.work_in([str(root)])
        chat = app.chat.unkept() if no_history else app.chat
        session_id = await _session_id(chat, session)
        output: Output = Lines() if as_json else Markdown() if out().is_terminal else Plain()
        asked = Asked(session_id, "" if text is None else text, attachments, model, local_only)
        if not is_conversation:
            return await answer(chat, asked, output)
        from beastmode.faces.cli.chat_terminal import Conversation, typed_lines  # noqa: PLC0415 - slow to import

        said = [] if no_history else [turn.question for turn in await chat.history.turns(session_id, 100)]
        await Conversation(app, chat, asked, output, typed_lines(said), is_kept=not no_history).run()
        return True

    if not run(work):
        raise typer.Exit(FAILED)


async def answer(chat: Chat, asked: Asked, output: Output) -> bool:
    """Ask, and show every event; whether the answer is whole.

    Raises:
        BeastModeError: nothing was answered; told as JSON already where the output is that.
    """
    try:
        with output:
            events = chat.ask(
                asked.session_id,
                asked.message,
                attachments=asked.attachments,
                model=asked.model,
                local_only=asked.local_only,
            )
            async with aclosing(events):
                async for event in events:
                    output.show(event)
    except BeastModeError as error:
        output.fail(error)
        raise
    return output.is_whole


def sessions(as_json: Json = False) -> None:
    """The sessions that are kept, the one used last first."""

    async def work(app: App) -> None:
        found = await app.chat.history.sessions()
        if as_json:
            typer.echo(json.dumps([asdict(session) for session in found], indent=2))
        elif not found:
            typer.echo("No session is kept")
        else:
            rows = ((each.id, each.title, each.turns, _when(each.used_at), each.workspace) for each in found)
            out().print(table(("id", "title", "turns", "last used", "workspace"), rows))

    run(work)


def show(name: Name, as_json: Json = False) -> None:
    """What was said in a session."""

    async def work(app: App) -> None:
        history = app.chat.history
        session = await history.get(name)
        turns = await history.turns(session.id)
        if as_json:
            said = {**asdict(session), "turns": [asdict(turn) for turn in turns]}
            typer.echo(json.dumps(said, indent=2, default=str))
        elif out().is_terminal:
            for turn in turns:
                shown_turn(turn)
        else:
            typer.echo(to_markdown(session, turns), nl=False)

    run(work)


def rename(name: Name, title: Annotated[str, typer.Argument(help="The new title.")]) -> None:
    """Give a session another title; its id stays."""

    async def work(app: App) -> None:
        history = app.chat.history
        renamed = await history.rename((await history.get(name)).id, title)
        typer.echo(f"{renamed.id} is called {renamed.title}")

    run(work)


def delete(
    names: Annotated[list[str] | None, typer.Argument(metavar="SESSION...", help="Ids or titles.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sessions.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete sessions with all that was said in them, for good."""
    if bool(names) == everything:
        raise typer.BadParameter("give either SESSION or --all")

    async def work(app: App) -> None:
        history = app.chat.history
        found = await history.sessions() if everything else [await history.get(name) for name in names or ()]
        for session in {each.id: each for each in found}.values():
            if yes or typer.confirm(f"Delete {session.id} ({session.title}, {session.turns} turns)?"):
                await history.delete(session.id)
                typer.echo(f"Deleted {session.id}")

    run(work)


def export(
    name: Name,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file that does not exist yet.")] = None,
) -> None:
    """Write a session as Markdown."""

    async def work(app: App) -> None:
        history = app.chat.history
        session = await history.get(name)
        page = to_markdown(session, await history.turns(session.id))
        if output is None:
            typer.echo(page, nl=False)
            return
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(page)
        except FileExistsError:
            raise UserError(f"{output} is there already", "Name another file, or delete it first") from None
        except OSError as error:
            raise UserError(f"{output} cannot be written: {error.strerror}", "Name another file") from None
        typer.echo(f"Wrote {output}")

    run(work)


def attached(written: str) -> Attachment:
    """`PATH`, `PATH:12` or `PATH:12-20` as seen from the current folder."""
    literal = Path(written).expanduser()
    found = Attachment(str(literal)) if literal.exists() else attachment_of(written)
    return replace(found, path=str(Path.cwd() / Path(found.path).expanduser()))


def workspace_of(given: Path | None) -> Path:
    """The folder that questions are about: the given one, else the repository around the current one, else that."""
    root = (given or Path()).expanduser().resolve()
    if not root.is_dir():
        raise UserError(f"{root} is not a folder", "Name the folder that the editor has open")
    if given is None:
        root = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return root


async def _session_id(chat: Chat, name: str | None) -> str:
    """The id of the session that is meant: a known id or title, else a new one under that name."""
    if name is None:
        return uuid4().hex[:8]
    try:
        return (await chat.history.get(name)).id
    except SessionNotFound:
        return name


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
