from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support.scripted_bench import Scripted
from tests.support.shop import Shop

from beastmode.tasks.testing.trials import Trials
from beastmode.tasks.verify import Kind
from beastmode.tasks.verify.outcome import State


@pytest.fixture
async def allowed(shop: Shop) -> Shop:
    """A workspace whose tests may be run, with pytest in its environment."""
    (shop.root / "pyproject.toml").write_text('[dependency-groups]\ndev = ["pytest"]\n')
    (shop.root / ".gitignore").write_text(".venv\n")
    (shop.root / ".venv").symlink_to(Path(sys.prefix))
    await shop.app.consent.decide(shop.root, Kind.TESTS, True)  # noqa: FBT003 - it is the value
    return shop


def by_name(name: str, broken: bool, seed: int | None) -> State:  # noqa: FBT001 - the words of `Says`
    """Tests are what their names say."""
    if "wrong" in name or (broken and "useless" not in name) or (seed is not None and "flaky" in name):
        return State.FAILED
    return State.PASSED


@pytest.fixture
def scripted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A workspace in which nothing is run: a test passes or fails as its name says."""
    monkeypatch.setattr(Trials, "bench", Scripted(by_name).as_bench(shop.root))
    return shop
