"""The language server as an editor sees it, in one process, over a real endpoint on loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.editor import Editor, Refused

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.faces.lsp import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_server import ModelServer

    from beastmode.settings import Settings

KEY = "sk-test-1234567890"


async def register(settings: Settings, server: ModelServer, path: str = "/v1", key: str | None = None) -> None:
    """Put a model into the registry as another process would, and select it."""
    app = await App.open(settings)
    url = server.url + path
    await app.registry.add(
        ModelSpec("custom:mine", "Mine", "openai-compatible", url, "mock", "openai-chat", "openai-completions"), key
    )
    await app.registry.select("custom:mine")
    await app.close()


async def test_it_says_what_it_can(settings: Settings) -> None:
    """Inline completion and every command are advertised, so that any client uses them without custom code."""
    async with Editor(settings) as editor:
        capabilities = editor.initialized["capabilities"]
        assert capabilities["inlineCompletionProvider"] is not None
        assert set(capabilities["executeCommandProvider"]["commands"]) == set(protocol.COMMANDS)
        assert capabilities["textDocumentSync"]["change"] == 2


async def test_a_suggestion_comes_from_the_users_model(settings: Settings, model_server: ModelServer) -> None:
    """Typed text goes to the model, its answer comes back at the cursor, and the ledger has the row."""
    await register(settings, model_server, key=KEY)
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        (item,) = await editor.suggestions(uri, 1, 4)
        assert item["insertText"] == "return a + b"
        assert item["range"] == {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 4}}
        assert item["command"]["command"] == "beastmode.accepted"
        app = await editor.session.app()
        (row,) = await app.ledger.tail(5)
        assert (row["model"], row["task"], row["outcome"]) == ("custom:mine", "inline", "ok")
        assert row["id"]


async def test_columns_are_utf16(settings: Settings, model_server: ModelServer) -> None:
    """An emoji left of the cursor takes two columns in the protocol and one character in the text."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open('x = "🦀"; y = \n')
        (item,) = await editor.suggestions(uri, 0, 14)
        assert item["range"]["start"]["character"] == 14
        assert model_server.stats.last[-1].prefix.startswith('x = "🦀"; y =')


async def test_a_newer_keystroke_stops_the_older_request_at_the_server(
    settings: Settings, model_server: ModelServer
) -> None:
    """Every request is answered, and the model stops generating for the superseded one."""
    await register(settings, model_server, path="/m/drip=2000/v1")
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        _, first = editor.begin("textDocument/inlineCompletion", editor.at(uri, 1, 4))
        while not model_server.stats.requests:
            await asyncio.sleep(0.01)
        editor.type(uri, 1, 4, "x")
        number, second = editor.begin("textDocument/inlineCompletion", editor.at(uri, 1, 5))
        answer = await first
        assert answer["result"]["items"] == [], second
        while model_server.stats.requests < 2:
            await asyncio.sleep(0.01)
        editor.cancel(number)
        assert (await second)["error"]["code"] == -32800
        while model_server.stats.aborted < 2:
            await asyncio.sleep(0.01)


async def test_commands_can_be_cancelled_to_the_socket(settings: Settings, model_server: ModelServer) -> None:
    """`$/cancelRequest` reaches the coroutine of a command; pygls alone does not do that."""
    await register(settings, model_server, path="/m/hang/v1")
    async with Editor(settings) as editor:
        number, answer = editor.begin(
            "workspace/executeCommand", {"command": "beastmode.models.test", "arguments": [{"id": "mine"}]}
        )
        while not model_server.stats.requests:
            await asyncio.sleep(0.01)
        editor.cancel(number)
        assert (await answer)["error"]["code"] == -32800
        while not model_server.stats.aborted:
            await asyncio.sleep(0.01)


async def test_nothing_is_left_behind_by_keystrokes(settings: Settings) -> None:
    """Pygls alone keeps a future for each notification."""
    async with Editor(settings) as editor:
        uri = editor.open("x\n")
        for version in range(100):
            editor.type(uri, 0, 0, "y", version)
        assert len(editor.session.server.protocol._request_futures) <= 2


async def test_an_endpoint_that_is_down_is_said_in_the_status_and_in_no_dialog(
    settings: Settings, model_server: ModelServer
) -> None:
    """The editor gets an empty list; the reason and the fix are in the status."""
    await register(settings, model_server, path="/m/401/v1")
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        assert await editor.suggestions(uri, 1, 4) == []
        status = await editor.hears(protocol.STATUS, lambda params: params["notice"] is not None)
        assert "401" in status["notice"]["text"]
        assert status["notice"]["fix"]
        assert status["health"]["level"] == "degraded"
        assert any("401" in issue for issue in status["health"]["issues"])
        assert not [m for m in editor.said if m["method"].startswith("window/showMessage")]


async def test_a_workspace_can_only_narrow(settings: Settings, model_server: ModelServer) -> None:
    """It can turn suggestions off; an endpoint in its settings is not even looked at."""
    await register(settings, model_server)
    async with Editor(settings, {"enabled": False, "endpoint_url": "http://evil.example"}) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        assert await editor.suggestions(uri, 1, 4) == []
        assert model_server.stats.requests == 0


async def test_chat_streams_its_parts(settings: Settings, model_server: ModelServer) -> None:
    """The parts add up to the text of the answer, which names its model."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        answer = await editor.request(protocol.CHAT, {"message": "How?", "partialResultToken": "t"})
        parts = [m["params"]["value"]["text"] for m in editor.said if m["method"] == "$/progress"]
        assert ("".join(parts), answer["text"], answer["model"]) == ("return a + b", "return a + b", "custom:mine")
        assert len(parts) > 1
        with pytest.raises(Refused, match="not blank"):
            await editor.request(protocol.CHAT, {"message": " "})


async def test_the_models_commands(settings: Settings, model_server: ModelServer) -> None:
    """List, select, test, remove; an unknown id gives the specification's text with its fix."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        models = await editor.command("beastmode.models.list")
        assert [(m["id"], m["selected"]) for m in models] == [("custom:builtin", False), ("custom:mine", True)]
        await editor.command("beastmode.models.select", {"id": "builtin"})
        report = await editor.command("beastmode.models.test", {"id": "mine"})
        assert report["ok"], report
        assert [check["name"] for check in report["checks"]][:5] == [
            "Model exists in database",
            "Endpoint is reachable",
            "API key is valid",
            "Response format is correct",
            "Latency is acceptable",
        ]
        await editor.command("beastmode.models.remove", {"id": "mine"})
        with pytest.raises(Refused, match="Custom model not found: my-model"):
            await editor.command("beastmode.models.select", {"id": "custom:my-model"})
        with pytest.raises(Refused, match="needs `id`"):
            await editor.command("beastmode.models.remove", {})


async def test_the_form_and_its_checks(settings: Settings) -> None:
    """The client shows what the server says: the specification's fields and what is wrong with a value."""
    async with Editor(settings) as editor:
        form = await editor.command("beastmode.models.form")
        assert {"model_name", "model_id", "endpoint_url", "provider", "api_key", "price"} <= {f["name"] for f in form}
        assert next(f for f in form if f["name"] == "provider")["choices"][0].keys() == {"value", "title"}
        assert await editor.command("beastmode.models.check", {"field": "endpoint_url", "value": "ftp://x"})
        assert await editor.command("beastmode.models.check", {"field": "context_window", "value": "8192"}) is None


async def test_what_another_process_changes_is_seen(settings: Settings, model_server: ModelServer) -> None:
    """A model registered in a terminal is used after a refresh, with no restart."""
    async with Editor(settings) as editor:
        await editor.session.app()
        await register(settings, model_server)
        await editor.command("beastmode.models.refresh")
        uri = editor.open("def add(a, b):\n    \n")
        assert await editor.suggestions(uri, 1, 4)


async def test_no_key_in_any_message_or_log(settings: Settings, model_server: ModelServer, tmp_path: Path) -> None:
    """Not in what the server says, and not in any file that it wrote."""
    await register(settings, model_server, key=KEY)
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        await editor.suggestions(uri, 1, 4)
        await editor.command("beastmode.models.list")
        await editor.command("beastmode.status")
        assert KEY not in str(editor.said)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path


async def test_what_came_with_initialize_holds_where_the_editor_cannot_be_asked(settings: Settings) -> None:
    """A workspace that is local-only stays so in an editor without `workspace/configuration`."""
    editor = Editor(settings)
    options = {"enabled": True, "localOnly": True}
    await editor.request("initialize", {"processId": None, "capabilities": {}, "initializationOptions": options})
    assert editor.session._allowed.local_only
    await editor.request("shutdown", None)


async def test_a_chat_with_a_model_that_is_no_id_is_refused(settings: Settings) -> None:
    """As a wrong argument, not as a fault of the server."""
    async with Editor(settings) as editor:
        with pytest.raises(Refused) as refused:
            await editor.request(protocol.CHAT, {"message": "hello", "model": 5})
        assert refused.value.code == -32602
