"""The question whether tests may be run, as an editor asks it and takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from tests.support.editor import Editor, Refused
from tests.support.shop import CART

from beastmode.faces.lsp import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.settings import Settings

SHOW, DECIDE = "beastmode.consent.show", "beastmode.consent.decide"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "w"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "money.py").write_text("")
    (root / "test_cart.py").write_text("from cart import total\n")
    return root


async def test_the_editor_asks_once_where_a_task_would_run_tests(settings: Settings, root: Path) -> None:
    """For new tests always, for a change where tests cover the file; after an answer nobody asks again."""
    async with Editor(settings, root=root) as editor:

        async def needed(task: str, name: str = "cart.py", *, trusted: bool = True) -> bool:
            uri = (root / name).as_uri()
            shown = await editor.command(SHOW, {"task": task, "uri": uri, "isTrusted": trusted})
            assert shown.keys() == get_type_hints(protocol.Consent).keys()
            assert bool(shown["isolated"]) is shown["isNeeded"]
            return bool(shown["isNeeded"])

        assert await needed("tests", "money.py")
        assert await needed("refactor")
        assert not await needed("refactor", "money.py")
        assert not await needed("explain")
        assert not await needed("tests", trusted=False)
        await editor.command(DECIDE, {"allowed": False, "isTrusted": True})
        assert not await needed("tests")
        shown = await editor.command(SHOW, {"isTrusted": True})
        assert shown["allowed"] is False
        assert shown["isolated"], "who changes an answer must know what it means"


async def test_the_answer_is_kept_and_can_be_taken_back(settings: Settings, root: Path) -> None:
    """Another session knows it; null forgets it."""
    uri = (root / "cart.py").as_uri()
    async with Editor(settings, root=root) as editor:
        await editor.command(DECIDE, {"allowed": True, "uri": uri, "isTrusted": True})
    async with Editor(settings, root=root) as editor:
        assert (await editor.command(SHOW, {"uri": uri, "isTrusted": True}))["allowed"] is True
        assert (await editor.command(SHOW, {"uri": uri, "isTrusted": False}))["allowed"] is False
        await editor.command(DECIDE, {"allowed": None, "uri": uri, "isTrusted": True})
        assert (await editor.command(SHOW, {"uri": uri, "isTrusted": True}))["allowed"] is None


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"allowed": True, "isTrusted": False}, "not trusted"),
        ({"allowed": True}, "not trusted"),
        ({}, "needs `allowed`"),
        ({"allowed": 1, "isTrusted": True}, "needs `allowed`"),
        ({"allowed": True, "isTrusted": True, "uri": "untitled:a"}, "`uri`"),
    ],
)
async def test_a_wrong_answer_is_not_kept(settings: Settings, root: Path, argument: dict[str, Any], said: str) -> None:
    """Above all no yes for a workspace that the editor does not trust."""
    async with Editor(settings, root=root) as editor:
        with pytest.raises(Refused, match=said):
            await editor.command(DECIDE, argument)
        assert (await editor.command(SHOW, {"isTrusted": True}))["allowed"] is None
