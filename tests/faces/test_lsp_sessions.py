"""Promises of the commands about chat sessions, as an editor sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from tests.support.editor import Editor, Refused

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.faces.lsp import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_server import ModelServer

    from beastmode.settings import Settings


async def register(settings: Settings, url: str) -> None:
    app = await App.open(settings)
    await app.registry.add(
        ModelSpec("custom:mine", "Mine", "openai-compatible", url, "mock", "openai-chat", None), None
    )
    await app.registry.select("custom:mine")
    await app.close()


async def say(editor: Editor, session_id: str, message: str) -> dict[str, Any]:
    answer: dict[str, Any] = await editor.request(protocol.CHAT, {"message": message, "sessionId": session_id})
    return answer


async def test_a_session_is_shown_as_it_was_answered(
    settings: Settings, model_server: ModelServer, tmp_path: Path
) -> None:
    """What is kept comes back with every field of an answer, its citations looked up anew."""
    await register(settings, model_server.base)
    (tmp_path / "a.py").write_text("x = 1\ny = 2\n", encoding="utf-8")
    model_server.script = "See a.py:2.\n```py\nx\n```"
    async with Editor(settings) as editor:
        (await editor.session.app()).workspace.work_in([str(tmp_path)])
        answer = await say(editor, "s", "Why?")
        shown = await editor.command("beastmode.chat.show", {"id": "s"})
        assert shown["session"].keys() == get_type_hints(protocol.ChatSession).keys()
        (turn,) = shown["turns"]
        assert turn["question"] == "Why?"
        assert turn["answer"].keys() == get_type_hints(protocol.ChatAnswer).keys()
        assert turn["answer"] == answer
        (tmp_path / "a.py").unlink()
        (turn,) = (await editor.command("beastmode.chat.show", {"id": "s"}))["turns"]
        assert turn["answer"]["citations"] == []


async def test_only_sessions_of_this_workspace_are_listed(
    settings: Settings, model_server: ModelServer, tmp_path: Path
) -> None:
    """Another project's conversations are not offered here; the one used last comes first."""
    await register(settings, model_server.base)
    async with Editor(settings) as editor:
        workspace = (await editor.session.app()).workspace
        for folder, name in (("one", "a"), ("one", "b"), ("two", "c")):
            (tmp_path / folder).mkdir(exist_ok=True)
            workspace.work_in([str(tmp_path / folder)])
            await say(editor, name, f"Question {name}")
        assert [row["id"] for row in await editor.command("beastmode.chat.sessions")] == ["c"]
        workspace.work_in([str(tmp_path / "one")])
        rows = await editor.command("beastmode.chat.sessions")
        assert [(row["id"], row["title"], row["turns"]) for row in rows] == [
            ("b", "Question b", 1),
            ("a", "Question a", 1),
        ]


async def test_a_session_is_renamed_and_deleted(settings: Settings, model_server: ModelServer) -> None:
    """A new title is answered and kept; what is deleted is not there any more, and saying so twice is an error."""
    await register(settings, model_server.base)
    async with Editor(settings) as editor:
        await say(editor, "s", "Why?")
        assert (await editor.command("beastmode.chat.rename", {"id": "s", "title": "Better"}))["title"] == "Better"
        await editor.command("beastmode.chat.delete", {"id": "s"})
        assert await editor.command("beastmode.chat.show", {"id": "s"}) is None
        with pytest.raises(Refused, match="Chat session not found: s"):
            await editor.command("beastmode.chat.delete", {"id": "s"})
