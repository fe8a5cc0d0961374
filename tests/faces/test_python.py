"""`from beastmode import BeastMode`: the examples of the docs, and what they promise."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.background import serving
from tests.support.shop import BETTER, CART, MONEY, block
from typer.testing import CliRunner

import beastmode
from beastmode import BeastMode
from beastmode.domain.errors import BeastModeError
from beastmode.faces.cli.main import build
from beastmode.tasks.edits import StaleFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.model_server import Asked, ModelServer

EXAMPLES = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL
)


def answer(asked: Asked) -> str:
    """What fits the question."""
    said = str(asked.body)
    if "You plan" in said:
        return "create coupon.py: coupons"
    if "The feature that is wanted" in said:
        return block("coupon.py", "", "HALF = 0.5\n")
    if "You write tests" in said:
        return "```python\nfrom cart import total\n\n\ndef test_it_adds():\n    assert total([1, 2], 0) == 3\n```"
    return BETTER if "You refactor" in said else "return a + b"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(answer) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ModelServer) -> Path:
    """A workspace, in which everything is run, and a model that is selected."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    root = tmp_path / "w"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "money.py").write_text(MONEY)
    monkeypatch.chdir(root)
    fields = {"model_name": "Mine", "model_id": "mine", "endpoint_url": server.base, "provider": "openai-compatible"}
    for command in (["models", "add", "--stdin-json", "--force"], ["models", "select", "mine"]):
        assert CliRunner().invoke(build(), command, input=json.dumps(fields | {"price": "1"})).exit_code == 0
    return root


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_page_runs(root: Path, capsys: pytest.CaptureFixture[str], example: str) -> None:
    """As it stands there, in a workspace that has the files that it names."""
    exec(compile(example, "docs/python.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page
    assert capsys.readouterr().out


def test_there_are_examples() -> None:
    """The page has not changed its fences."""
    assert len(EXAMPLES) >= 4


async def test_a_feature_is_proposed_and_written_on_demand(root: Path) -> None:
    """Nothing is there before `write`; afterwards all of it, and a second time it is stale."""
    async with BeastMode() as bm:
        proposal = await bm.feature("coupons")
        assert [step.path for step in proposal.plan] == ["coupon.py"]
        assert proposal.cost is not None
        assert not (root / "coupon.py").exists()
        await bm.write(proposal)
        assert (root / "coupon.py").read_text() == "HALF = 0.5\n"
        with pytest.raises(StaleFile):
            await bm.write(proposal)


async def test_tests_are_proposed_and_said_not_to_be_run(root: Path) -> None:
    """Nobody allowed it, so nothing is claimed; the file is there after `write`."""
    async with BeastMode() as bm:
        proposal = await bm.tests("cart.py:7-11")
        assert proposal.verdict is None
        assert "not run" in proposal.checks[-1].evidence
        await bm.write(proposal)
    assert "test_it_adds" in (root / "tests" / "test_cart.py").read_text()


async def test_a_conversation_goes_on(root: Path, server: ModelServer) -> None:
    """The second question sees the first one, also by another process's object."""
    async with BeastMode() as bm:
        first = await bm.chat("s", "What is a cart?", files=["cart.py:12-17"])
        assert first.finish == "stop"
    async with BeastMode() as bm:
        heard: list[str] = []
        second = await bm.chat("s", "And why?", on_text=heard.append)
    assert (first.session_id, second.session_id) == ("s", "s")
    assert "".join(heard) == second.text
    assert "What is a cart?" in str(server.stats.last[-1].body)


async def test_it_must_be_open(root: Path) -> None:
    """An error that says how, instead of one from the depths."""
    with pytest.raises(BeastModeError, match="async with"):
        await BeastMode().health()


async def test_two_repositories_side_by_side(root: Path, tmp_path: Path, server: ModelServer) -> None:
    """Each question sees its own repository, though they are asked at the same time."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "only.py").write_text("ONLY = 1\n")
    async with BeastMode() as bm:
        await asyncio.gather(
            bm.chat(None, "one", repo=other, files=["only.py"]), bm.chat(None, "two", repo=root, files=["cart.py"])
        )
        with pytest.raises(BeastModeError, match=r"no file cart\.py"):
            await bm.chat(None, "three", repo=other, files=["cart.py"])


def test_importing_the_package_imports_nothing() -> None:
    """A language server that starts pays nothing for this door."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, beastmode; print([m for m in sys.modules if m.startswith('beastmode.')])"],
        capture_output=True, text=True, check=True, cwd=Path(beastmode.__file__).parents[1],
    )  # fmt: skip
    assert said.stdout.strip() == "[]"
