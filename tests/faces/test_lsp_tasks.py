"""`beastmode.tasks.run` as an editor sees it: edits for the documents as they are, and nothing written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.editor import Editor, Refused
from tests.support.shop import BETTER, CART, MONEY, block

from beastmode.app import App
from beastmode.domain.model import ModelSpec

if TYPE_CHECKING:
    from tests.support.model_server import ModelServer

    from beastmode.settings import Settings


@pytest.fixture
async def root(tmp_path: Path, settings: Settings, model_server: ModelServer) -> Path:
    """A workspace, with a model that is selected."""
    root = tmp_path / "w"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "money.py").write_text(MONEY)
    await register(settings, model_server.base)
    return root


async def register(settings: Settings, url: str) -> None:
    app = await App.open(settings)
    model = ModelSpec("custom:mine", "Mine", "openai-compatible", url, "mock", "openai-chat", None)
    await app.registry.add(model, None, replace=True)
    await app.registry.select("custom:mine")
    await app.close()


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """What an editor makes of edits whose columns are UTF-16."""
    data = text.encode("utf-16-le")

    def place(at: dict[str, int]) -> int:
        above = "".join(line + "\n" for line in text.split("\n")[: at["line"]])
        return len(above.encode("utf-16-le")) + 2 * at["character"]

    for edit in reversed(edits):
        start, end = (place(edit["range"][name]) for name in ("start", "end"))
        data = data[:start] + edit["newText"].encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


async def test_a_change_comes_as_edits_of_the_unsaved_document(
    settings: Settings, model_server: ModelServer, root: Path
) -> None:
    """Ranges fit the text and the version that the editor has, letters beyond the BMP included; no file changes."""
    text = CART.replace('"""A cart."""', '"""A cart 🦀."""') + "crab = '🦀'"
    model_server.script = f"Better.\n{BETTER}" + block("cart.py", "crab = '🦀'\n", "crab = '🦀🦀'\n")
    async with Editor(settings, root=root) as editor:
        uri = editor.open(text, (root / "cart.py").as_uri())
        editor.type(uri, 0, 0, "# top\n", version=7)
        place = {"start": {"line": 7, "character": 0}, "end": {"line": 11, "character": 0}}
        result = await editor.command(
            "beastmode.tasks.run",
            {"task": "refactor", "instruction": "use sum()", "uri": uri, "range": place, "partialResultToken": "t"},
        )
        (file,) = result["files"]
        assert (file["kind"], file["uri"], file["newUri"], file["version"]) == ("change", uri, None, 7)
        after = applied("# top\n" + text, file["edits"])
        assert "sum(prices)" in after
        assert after.endswith("crab = '🦀🦀'")
        assert (file["added"], file["removed"]) == (2, 5)
        assert [check["ok"] for check in result["checks"]] == [True, True]
        assert (result["model"], result["repaired"], result["cost"]) == ("custom:mine", False, None)
        parts = [said["params"]["value"] for said in editor.said if said["method"] == "$/progress"]
        assert any(part.get("message") for part in parts)
        assert "Better." in "".join(part.get("text", "") for part in parts)
        assert "lines 8-11 are meant" in str(model_server.stats.last[-1].body)
    assert (root / "cart.py").read_text() == CART


async def test_a_feature_makes_files_and_names_them(settings: Settings, model_server: ModelServer, root: Path) -> None:
    """New files and renames have addresses; what is not open has no version."""
    plan = "create coupon.py: coupons\nrename money.py -> cash.py: a better name\n"
    edits = block("coupon.py", "", "HALF = 0.5\n") + "\nRENAME FILE money.py TO cash.py\n"
    model_server.script = lambda asked: plan if "You plan" in str(asked.body) else edits
    async with Editor(settings, root=root) as editor:
        result = await editor.command("beastmode.tasks.run", {"task": "feature", "instruction": "coupons"})
    by_kind = {file["kind"]: file for file in result["files"]}
    assert by_kind["create"]["uri"] == (root / "coupon.py").as_uri()
    assert by_kind["create"]["edits"][0]["newText"] == "HALF = 0.5\n"
    assert by_kind["rename"]["newUri"] == (root / "cash.py").as_uri()
    assert {file["version"] for file in result["files"]} == {None}
    assert [step["kind"] for step in result["plan"]] == ["create", "rename"]
    assert sorted(path.name for path in root.iterdir()) == ["cart.py", "money.py"]


async def test_tests_come_as_a_new_file_that_says_it_was_not_run(
    settings: Settings, model_server: ModelServer, root: Path
) -> None:
    """For the lines of a lens; in a workspace without trust nothing is run, whatever was said before."""
    model_server.script = "```python\nfrom cart import total\n\n\ndef test_a():\n    assert total([1], 0) == 1\n```"
    async with Editor(settings, root=root) as editor:
        place = {"start": {"line": 6, "character": 0}, "end": {"line": 11, "character": 0}}
        order = {"task": "tests", "uri": (root / "cart.py").as_uri(), "range": place}
        await editor.command("beastmode.consent.decide", {"allowed": True, "isTrusted": True})
        result = await editor.command("beastmode.tasks.run", order)
    (file,) = result["files"]
    assert (file["kind"], file["uri"]) == ("create", (root / "tests" / "test_cart.py").as_uri())
    assert result["summary"] == "Creates tests/test_cart.py; its tests were not run"
    assert "the workspace is not trusted" in result["checks"][-1]["evidence"]
    assert "`total` of cart.py" in str(model_server.stats.last[-1].body)
    assert not (root / "tests").exists()


async def test_a_diagnostic_and_an_opportunity_are_told_to_the_model(
    settings: Settings, model_server: ModelServer, root: Path
) -> None:
    """Both say which lines, and why."""
    model_server.script = BETTER
    async with Editor(settings, root=root) as editor:
        uri = (root / "cart.py").as_uri()
        lines = {"start": {"line": 8, "character": 4}, "end": {"line": 8, "character": 9}}
        diagnostic = {"message": "too slow", "severity": 2, "source": "ruff", "range": lines}
        await editor.command("beastmode.tasks.run", {"task": "fix", "uri": uri, "diagnostic": diagnostic})
        assert "ruff warning: too slow" in str(model_server.stats.last[-1].body)
        found = {"kind": "long-function", "reason": "4 lines", "suggestion": "Use sum.", "line": 6, "endLine": 10}
        await editor.command("beastmode.tasks.run", {"task": "refactor", "uri": uri, "opportunity": found})
        assert "cart.py lines 7-11" in str(model_server.stats.last[-1].body)
        assert "4 lines Use sum." in str(model_server.stats.last[-1].body)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({}, "needs `task`"),
        ({"task": "sing"}, "There is no task"),
        ({"task": "refactor", "instruction": 1}, "`instruction`"),
        ({"task": "refactor", "uri": "untitled:a"}, "only files"),
        ({"task": "refactor", "instruction": "x"}, "no file was given"),
        ({"task": "fix", "uri": "file:///w/a.py", "diagnostic": {"message": "x", "range": {}}}, "range"),
        ({"task": "refactor", "instruction": "x", "uri": "file:///elsewhere/a.py"}, "outside of the workspace"),
    ],
)
async def test_a_wrong_argument_is_refused_with_a_reason(
    settings: Settings, model_server: ModelServer, root: Path, argument: dict[str, Any], said: str
) -> None:
    """Before any model is asked."""
    async with Editor(settings, root=root) as editor:
        with pytest.raises(Refused, match=said):
            await editor.command("beastmode.tasks.run", argument)
    assert model_server.stats.requests == 0


async def test_cancelling_stops_the_model(settings: Settings, model_server: ModelServer, root: Path) -> None:
    """`$/cancelRequest` reaches the upstream socket."""
    await register(settings, model_server.misbehaving("drip=1000"))
    model_server.script = BETTER
    async with Editor(settings, root=root) as editor:
        argument = {"task": "refactor", "instruction": "x", "uri": (root / "cart.py").as_uri()}
        number, answer = editor.begin(
            "workspace/executeCommand", {"command": "beastmode.tasks.run", "arguments": [argument]}
        )
        while not model_server.stats.tokens:
            await asyncio.sleep(0.01)
        editor.cancel(number)
        assert "error" in await answer
        while model_server.stats.aborted != 1:
            await asyncio.sleep(0.01)
    assert (root / "cart.py").read_text() == CART


async def test_what_the_workspace_forbids_stays_forbidden(
    settings: Settings, model_server: ModelServer, root: Path
) -> None:
    """`localOnly` holds for tasks too: a model on another machine is not asked."""
    await register(settings, "http://192.0.2.1/v1")
    async with Editor(settings, {"localOnly": True}, root=root) as editor:
        with pytest.raises(Refused, match="machine"):
            await editor.command(
                "beastmode.tasks.run",
                {"task": "explain", "uri": (root / "cart.py").as_uri(), "model": "custom:mine"},
            )
