"""The commands about chat sessions: what an editor needs to list, show, rename and delete them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.app import App
    from beastmode.context.session import Session as Workspace
    from beastmode.tasks.chat import Session, Turn

SHOWN = 50
"""Turns of a session that an editor shows, the last ones."""


async def sessions(app: App) -> list[dict[str, Any]]:
    """`ChatSession` each, the one used last first: those of this workspace, and those that began in none."""
    roots = {"", *app.workspace.session.roots}
    return [_session(each) for each in await app.chat.history.sessions() if each.workspace in roots]


async def show(app: App, session_id: str) -> dict[str, Any] | None:
    """{session: ChatSession, turns: ChatTurn[]}; None where nothing is kept under that id."""
    history = app.chat.history
    session = await history.find(session_id)
    if session is None:
        return None
    turns = await history.turns(session_id, SHOWN)
    told = await asyncio.to_thread(_told(app.workspace.session, session_id), turns)
    return {"session": _session(session), "turns": told}


async def rename(app: App, session_id: str, title: str) -> dict[str, Any]:
    """`ChatSession`, as it is called now."""
    return _session(await app.chat.history.rename(session_id, title))


def _session(session: Session) -> dict[str, Any]:
    return {"id": session.id, "title": session.title, "usedAt": session.used_at, "turns": session.turns}


def _told(workspace: Workspace, session_id: str) -> Callable[[list[Turn]], list[dict[str, Any]]]:
    """References are looked up again: the workspace may have moved on since the answer was given."""
    from beastmode.faces.lsp.chat import said  # noqa: PLC0415 - not needed to start
    from beastmode.tasks.chat import Ended  # noqa: PLC0415 - as above
    from beastmode.tasks.chat.answer import citations, code_blocks  # noqa: PLC0415 - as above
    from beastmode.tasks.chat.reading import Desk  # noqa: PLC0415 - as above

    desk = Desk(workspace)

    def tell(turns: list[Turn]) -> list[dict[str, Any]]:
        told = []
        for turn in turns:
            found, code = citations(turn.answer, turn.sources, desk), code_blocks(turn.answer)
            answer = said(Ended(turn, found, code, error=None, is_kept=True))
            error = {"text": turn.error, "fix": ""} if turn.error else None
            answer |= {"error": error, "sessionId": session_id, "reasoning": ""}
            told.append({"question": turn.question, "answer": answer})
        return told

    return tell
