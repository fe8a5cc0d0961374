"""The request `beastmode/chat` as an editor sends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_type_hints

import pytest
from tests.support.editor import Editor, Refused

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.faces.lsp import protocol
from beastmode.tasks.chat import History

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\ny = 2\n", encoding="utf-8")
    (folder / ".env").write_text("A=1\n", encoding="utf-8")
    return folder


async def test_a_session_with_attachments(settings: Settings, model_server: ModelServer, root: Path) -> None:
    """Sources come first, citations are links, and the answer has every field that the protocol names."""
    await register(settings, model_server.base)
    model_server.script = "See a.py:2.\n```py\nx\n```"
    async with Editor(settings) as editor:
        app = await editor.session.app()
        app.workspace.work_in([str(root)])
        where = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
        attachments = [
            {"uri": (root / "a.py").as_uri(), "range": where},
            {"text": "unsaved", "kind": "selection"},
            {"path": "a.py", "range": where, "kind": "diagnostic", "message": "error: so wrong"},
        ]
        params = {"message": "Why?", "sessionId": "s", "attachments": attachments, "partialResultToken": "t"}
        answer = await editor.request(protocol.CHAT, params)
        assert answer.keys() == get_type_hints(protocol.ChatAnswer).keys()
        assert (answer["text"], answer["sessionId"], answer["isKept"]) == (model_server.script, "s", True)
        assert [(each["path"], each["line"], each["endLine"]) for each in answer["sources"]][:2] == [
            ("a.py", 0, 0),
            ("", 0, 0),
        ]
        (citation,) = answer["citations"]
        assert citation == {
            "written": "a.py:2",
            "path": "a.py",
            "uri": (root / "a.py").resolve().as_uri(),
            "line": 1,
            "endLine": 1,
        }
        assert answer["code"] == [{"language": "py", "path": "", "text": "x\n"}]
        parts = [m["params"]["value"] for m in editor.said if m["method"] == "$/progress"]
        assert parts[0]["sources"] == answer["sources"]
        assert "".join(part.get("text", "") for part in parts) == answer["text"]
        assert "so wrong" in str(model_server.stats.last[-1].body)
        (turn,) = await app.chat.history.turns("s")
        assert turn.question == "Why?"


async def test_without_a_session_nothing_is_kept(settings: Settings, model_server: ModelServer) -> None:
    """As it always was."""
    await register(settings, model_server.base)
    async with Editor(settings) as editor:
        answer = await editor.request(protocol.CHAT, {"message": "Why?"})
        assert (answer["sessionId"], answer["isKept"]) == (None, False)
        assert await (await editor.session.app()).chat.history.sessions() == []


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"sessionId": 5}, "sessionId"),
        ({"attachments": "a.py"}, "must be a list"),
        ({"attachments": [5]}, "needs `uri`"),
        ({"attachments": [{"kind": "image", "path": "a.py"}]}, "kind"),
        ({"attachments": [{"path": "a.py", "range": {"start": 1}}]}, "range"),
        ({"attachments": [{"path": ".env"}]}, "secrets"),
        ({"attachments": [{"uri": "untitled:Untitled-1"}]}, "empty"),
        ({"sessionId": "a\nb"}, "session's id"),
    ],
)
async def test_wrong_fields_are_refused_by_name(
    settings: Settings, model_server: ModelServer, root: Path, params: dict[str, object], why: str
) -> None:
    """Before any model is asked."""
    await register(settings, model_server.base)
    async with Editor(settings) as editor:
        (await editor.session.app()).workspace.work_in([str(root)])
        with pytest.raises(Refused, match=why):
            await editor.request(protocol.CHAT, {"message": "Why?", **params})
        assert model_server.stats.requests == 0


async def test_cancelling_stops_the_model_and_keeps_what_came(settings: Settings, model_server: ModelServer) -> None:
    """The editor's `$/cancelRequest` reaches the socket."""
    await register(settings, model_server.misbehaving("drip=30"))
    model_server.script = "word " * 500
    async with Editor(settings) as editor:
        params = {"message": "Go on?", "sessionId": "s", "partialResultToken": "t"}
        number, answer = editor.begin(protocol.CHAT, params)
        while not any(m["method"] == "$/progress" for m in editor.said):
            await asyncio.sleep(0.01)
        editor.notify("$/cancelRequest", {"id": number})
        assert "error" in await answer
        history: History = (await editor.session.app()).chat.history
        async with asyncio.timeout(10):
            while not (turns := await history.turns("s")):
                await asyncio.sleep(0.01)
        assert turns[0].ended == "stopped"
        assert turns[0].answer.startswith("word")
        while not model_server.stats.aborted:
            await asyncio.sleep(0.01)
