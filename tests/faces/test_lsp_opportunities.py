"""The command `beastmode.opportunities.find` as an editor sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_type_hints

import pytest
from tests.support.editor import Editor, Refused

from beastmode.faces.lsp import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.settings import Settings

FIND = "beastmode.opportunities.find"
DEAD = "def f():\n    return 1\n    a()\n"


async def test_a_document_as_it_is_now(settings: Settings, tmp_path: Path) -> None:
    """The live text counts, not the file; every field of the protocol is there."""
    (tmp_path / "a.py").write_text("")
    async with Editor(settings, root=tmp_path) as editor:
        uri = editor.open(DEAD, (tmp_path / "a.py").as_uri())
        editor.type(uri, 0, 0, "\n")
        (found,) = await editor.command(FIND, {"uri": uri})
        assert found.keys() == get_type_hints(protocol.Opportunity).keys()
        assert (found["uri"], found["path"], found["line"], found["endLine"]) == (uri, "a.py", 3, 3)


async def test_the_workspace(settings: Settings, tmp_path: Path) -> None:
    """Every file of every folder, with ids that are those of the open document."""
    work = tmp_path / "work"
    (work / "b").mkdir(parents=True)
    (work / "b" / "c.py").write_text(DEAD)
    async with Editor(settings, root=work) as editor:
        (found,) = await editor.command(FIND, {})
        assert (found["uri"], found["path"]) == ((work / "b" / "c.py").as_uri(), "b/c.py")
        uri = editor.open(DEAD, found["uri"])
        assert [each["id"] for each in await editor.command(FIND, {"uri": uri})] == [found["id"]]
        assert await editor.command(FIND, {"minSeverity": "high"}) == []
        assert await editor.command(FIND, {"kinds": ["long-function"]}) == []


@pytest.mark.parametrize("argument", [{"uri": 1}, {"kinds": "x"}, {"kinds": ["x"]}, {"minSeverity": "x"}])
async def test_a_wrong_argument_is_refused(settings: Settings, argument: dict[str, object]) -> None:
    """With words for whoever wrote the client."""
    async with Editor(settings) as editor:
        with pytest.raises(Refused):
            await editor.command(FIND, argument)
