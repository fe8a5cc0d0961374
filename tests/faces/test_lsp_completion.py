"""What an editor may do beside asking for suggestions: notebooks, menus, asking why, saying what it knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.faces.test_lsp import register
from tests.support.editor import Editor

from beastmode.faces.lsp import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.model_server import ModelServer

    from beastmode.settings import Settings

NOTEBOOK = "file:///w/a.ipynb"


def cell(number: int, text: str, language: str = "python") -> dict[str, Any]:
    """A cell's text as a document."""
    return {"uri": f"{NOTEBOOK}#{number}", "languageId": language, "version": 1, "text": text}


def open_notebook(editor: Editor, *cells: dict[str, Any]) -> None:
    """A notebook with these cells, the second of them prose."""
    kinds = [1 if item["languageId"] == "markdown" else 2 for item in cells]
    notebook = {
        "uri": NOTEBOOK,
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": [{"kind": kind, "document": item["uri"]} for kind, item in zip(kinds, cells, strict=True)],
    }
    editor.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": list(cells)})


async def test_a_cell_is_completed_with_the_cells_above(settings: Settings, model_server: ModelServer) -> None:
    """The code of the cells above stands before the cell's own; prose and the cells below do not."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        open_notebook(editor, cell(1, "import os"), cell(2, "# Title", "markdown"), cell(3, "x = "), cell(4, "y = 2"))
        (item,) = await editor.suggestions(f"{NOTEBOOK}#3", 0, 4)
        assert item["range"]["start"] == {"line": 0, "character": 4}
        assert model_server.stats.last[-1].prefix.startswith("import os\nx =")
        assert "Title" not in model_server.stats.last[-1].prefix


async def test_cells_come_go_and_change(settings: Settings, model_server: ModelServer) -> None:
    """A cell inserted above and typed in is shown; one that is removed is not."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        open_notebook(editor, cell(1, "old = 1"), cell(3, "x = "))
        new = cell(2, "new = 2")
        structure = {
            "array": {"start": 0, "deleteCount": 1, "cells": [{"kind": 2, "document": new["uri"]}]},
            "didOpen": [new],
            "didClose": [{"uri": f"{NOTEBOOK}#1"}],
        }
        place = {"line": 0, "character": 7}
        content = {
            "document": {"uri": new["uri"], "version": 2},
            "changes": [{"range": {"start": place, "end": place}, "text": "0"}],
        }
        editor.notify(
            "notebookDocument/didChange",
            {
                "notebookDocument": {"uri": NOTEBOOK, "version": 2},
                "change": {"cells": {"structure": structure, "textContent": [content]}},
            },
        )
        await editor.suggestions(f"{NOTEBOOK}#3", 0, 4)
        assert model_server.stats.last[-1].prefix.startswith("new = 20\nx =")
        editor.notify(
            "notebookDocument/didClose",
            {
                "notebookDocument": {"uri": NOTEBOOK},
                "cellTextDocuments": [{"uri": f"{NOTEBOOK}#3"}, {"uri": new["uri"]}],
            },
        )
        assert await editor.suggestions(f"{NOTEBOOK}#3", 0, 4) == []


async def test_why_this_suggestion(settings: Settings, model_server: ModelServer) -> None:
    """The story of a document's last answer, and of one that was empty; a document without any is told so."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        nothing = await editor.command("beastmode.completion.why", {"uri": uri})
        assert nothing["lines"][0] == "# No suggestion was asked for here yet"
        await editor.suggestions(uri, 1, 4)
        story = "\n".join((await editor.command("beastmode.completion.why", {"uri": uri}))["lines"])
        assert "# custom:mine suggests" in story
        assert "return a + b" in story
        await editor.suggestions(uri, 0, 2)
        story = "\n".join((await editor.command("beastmode.completion.why", {"uri": uri}))["lines"])
        assert "# No suggestion: middle of a word" in story


async def test_an_open_menu_is_left_alone(settings: Settings, model_server: ModelServer) -> None:
    """In the middle of a word with the editor's menu open nothing is asked, unless the user asks."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("x = na\n")
        where = editor.at(uri, 0, 6)
        span = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 6}}
        where["context"]["selectedCompletionInfo"] = {"range": span, "text": "name"}
        assert (await editor.request("textDocument/inlineCompletion", where))["items"] == []
        assert model_server.stats.requests == 0
        where["context"]["triggerKind"] = 1
        assert (await editor.request("textDocument/inlineCompletion", where))["items"]


async def test_a_language_switched_off(settings: Settings, model_server: ModelServer) -> None:
    """`disabledLanguages` is taken from the editor; anything in it that is no name is ignored."""
    await register(settings, model_server)
    async with Editor(settings, {"disabledLanguages": ["python", 3]}) as editor:
        uri = editor.open("x = \n")
        assert await editor.suggestions(uri, 0, 4) == []
        assert await editor.suggestions(uri, 0, 4, explicit=True)


async def test_messages_of_another_shape_harm_nothing(settings: Settings, model_server: ModelServer) -> None:
    """Notifications that editors send in their own way are ignored, and the server goes on."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("x = \n")
        for method in ("textDocument/didFocus", "textDocument/didPartiallyAcceptCompletion", "beastmode/power"):
            for params in ({}, {"textDocument": 1, "item": {"command": {"arguments": []}}, "acceptedLength": "x"}):
                editor.notify(method, params)
        editor.notify("textDocument/didFocus", {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 1}})
        editor.notify("beastmode/power", {"onBattery": True})
        assert await editor.suggestions(uri, 0, 4)


async def test_the_workspace_is_shown_to_the_model(
    settings: Settings, model_server: ModelServer, tmp_path: Path
) -> None:
    """A function imported from another file of the workspace reaches the model, by a path within the workspace."""
    await register(settings, model_server)
    root = tmp_path / "shop"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "order.py").write_text(
        'def total_of(prices: list[float]) -> float:\n    """The sum."""\n    return 0\n'
    )
    (root / "main.py").write_text("from shop.order import total_of\n\n\nx = total_of\n")
    async with Editor(settings, root=root) as editor:
        uri = editor.open((root / "main.py").read_text(), uri=(root / "main.py").as_uri())
        await (await editor.session.app()).workspace.prepare("python")
        await editor.suggestions(uri, 3, 12)
        seen = model_server.stats.last[-1].prefix
        assert "def total_of(prices: list[float]) -> float:" in seen
        assert "shop/order.py" in seen
        assert str(tmp_path) not in seen


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "file:///elsewhere/far/away.py"])
async def test_a_file_outside_of_the_workspace(
    settings: Settings, model_server: ModelServer, tmp_path: Path, uri: str
) -> None:
    """A buffer that was never saved and a file of another folder get suggestions like any other."""
    await register(settings, model_server)
    async with Editor(settings, root=tmp_path) as editor:
        editor.open("x = \n", uri=uri)
        assert await editor.suggestions(uri, 0, 4)


async def test_accepting_is_written_down(settings: Settings, model_server: ModelServer) -> None:
    """The command of an accepted item marks the row of its request."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        (item,) = await editor.suggestions(uri, 1, 4)
        editor.type(uri, 1, 4, item["insertText"])
        await editor.command("beastmode.accepted", item["command"]["arguments"][0])
        app = await editor.session.app()
        async with asyncio.timeout(10):
            while not (await app.ledger.tail(5))[0]["accepted_at"]:
                await asyncio.sleep(0.05)


async def test_a_request_is_about_the_text_that_it_came_with(settings: Settings, model_server: ModelServer) -> None:
    """Messages that come in one piece are taken in their order: each request sees its own state, the last counts."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("x = \n")
        await editor.session.app()
        answers = []
        for number in range(5):
            answers.append(editor.begin("textDocument/inlineCompletion", editor.at(uri, 0, 4 + number))[1])
            editor.type(uri, 0, 4 + number, "(", version=2 + number)
        last = await editor.suggestions(uri, 0, 9)
        assert [(await answer)["result"]["items"] for answer in answers] == [[]] * 5
        assert last[0]["range"]["start"]["character"] == 9
        assert [asked.prefix for asked in model_server.stats.last] == ["x = ((((("]


async def test_a_very_long_line(settings: Settings, model_server: ModelServer) -> None:
    """A suggestion stands at the cursor even where the model sees the end of its line only."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open("x = '🦀'" + " + a" * 10_000 + " + \n")
        (item,) = await editor.suggestions(uri, 0, 40_011)
        assert item["range"]["start"] == {"line": 0, "character": 40_011}


async def test_half_a_character_in_the_text(settings: Settings, model_server: ModelServer) -> None:
    """A text that is no valid Unicode gets suggestions like any other."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        uri = editor.open('x = "\ud83d" + \n')
        (item,) = await editor.suggestions(uri, 0, 10)
        assert item["range"]["start"]["character"] == 10


async def test_a_cell_whose_language_changes(settings: Settings, model_server: ModelServer) -> None:
    """It is closed and opened in one message, and is open afterwards."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        open_notebook(editor, cell(1, "old"), cell(3, "x = "))
        structure = {
            "array": {"start": 0, "deleteCount": 1, "cells": [{"kind": 2, "document": f"{NOTEBOOK}#1"}]},
            "didOpen": [cell(1, "new = 1")],
            "didClose": [{"uri": f"{NOTEBOOK}#1"}],
        }
        change = {"cells": {"structure": structure}}
        editor.notify(
            "notebookDocument/didChange", {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": change}
        )
        await editor.suggestions(f"{NOTEBOOK}#3", 0, 4)
        assert model_server.stats.last[-1].prefix.startswith("new = 1\nx =")


async def test_long_cells_above(settings: Settings, model_server: ModelServer) -> None:
    """Of the cells above, the nearest whole lines are shown."""
    await register(settings, model_server)
    async with Editor(settings) as editor:
        open_notebook(editor, cell(1, "far = 1\n" * 3000), cell(2, "near = 2"), cell(3, "x = "))
        above = editor.session.server.notebooks.preamble(f"{NOTEBOOK}#3")
        assert set(above.splitlines()) == {"far = 1", "near = 2"}
        assert above.endswith("near = 2\n")
        assert 15_000 < len(above) <= 16_000


async def test_closed_while_asking(settings: Settings, model_server: ModelServer) -> None:
    """Closing a document answers its request with nothing and stops the model."""
    await register(settings, model_server, path="/m/drip=500/v1")
    async with Editor(settings) as editor:
        uri = editor.open("def add(a, b):\n    \n")
        _, answer = editor.begin("textDocument/inlineCompletion", editor.at(uri, 1, 4))
        async with asyncio.timeout(10):
            while not model_server.stats.requests:
                await asyncio.sleep(0.01)
            editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
            assert (await answer)["result"]["items"] == []
            while not model_server.stats.aborted:
                await asyncio.sleep(0.01)


async def test_nothing_to_work_with(settings: Settings) -> None:
    """Where the database cannot be opened, the status says so once, and no key brings an error."""
    settings.paths.database.mkdir(parents=True)
    async with Editor(settings) as editor:
        uri = editor.open("x = \n")
        assert await editor.suggestions(uri, 0, 4) == []
        status = await editor.hears(protocol.STATUS)
        assert "beastmode.db" in status["notice"]["text"]
        assert status["health"]["level"] == "unhealthy"


async def test_the_first_key_does_not_wait_for_context(
    settings: Settings, model_server: ModelServer, tmp_path: Path
) -> None:
    """The first suggestion comes without other files, and its story says so; the sources are loaded behind it."""
    await register(settings, model_server)
    async with Editor(settings, root=tmp_path) as editor:
        uri = editor.open("x = \n")
        assert await editor.suggestions(uri, 0, 4)
        story = "\n".join((await editor.command("beastmode.completion.why", {"uri": uri}))["lines"])
        assert "nothing from context: it is still being loaded" in story
        workspace = (await editor.session.app()).workspace
        async with asyncio.timeout(30):
            while "python" not in workspace._prepared:
                await asyncio.sleep(0.05)
