"""The tasks above each function, as the syntax of the open text says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.editor import Editor

if TYPE_CHECKING:
    from beastmode.settings import Settings

TEXT = """import os


def total(prices):
    def inner():
        pass
    return sum(prices)


class Cart:
    @property
    def size(self):
        return 0
"""


async def lenses(editor: Editor, uri: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    return found


async def test_each_function_offers_the_tasks(settings: Settings) -> None:
    """With the order for exactly its lines, in the text as it is now."""
    async with Editor(settings) as editor:
        assert editor.initialized["capabilities"]["codeLensProvider"] is not None
        uri = editor.open(TEXT)
        editor.type(uri, 0, 0, "# top\n")
        found = await lenses(editor, uri)
        assert [lens["command"]["title"] for lens in found[:4]] == ["Generate Tests", "Refactor", "Explain", "Document"]
        assert [lens["range"]["start"]["line"] for lens in found] == [4] * 4 + [11] * 4
        command = found[0]["command"]
        assert command["command"] == "beastmode.tasks.run"
        assert command["arguments"] == [{"task": "tests", "uri": uri, "range": found[0]["range"]}]
        assert found[0]["range"]["end"] == {"line": 8, "character": 0}


async def test_the_setting_turns_them_off_and_on(settings: Settings) -> None:
    """Without a restart; what cannot be read has none."""
    async with Editor(settings, {"codeLenses": False}) as editor:
        uri = editor.open(TEXT)
        assert await lenses(editor, uri) == []
        editor.notify("workspace/didChangeConfiguration", {"settings": {"beastmode": {"codeLenses": True}}})
        assert len(await lenses(editor, uri)) == 8
        assert await lenses(editor, editor.open("a {}", "file:///w/a.css", "css")) == []
        assert await lenses(editor, "file:///w/nobody-opened.py") == []
        assert await lenses(editor, editor.open("def f(\n" * 50_000, "file:///w/b.py")) is not None
