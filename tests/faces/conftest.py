from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer

from beastmode.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The defaults, under a folder of the test's own, with no keyring of the person who runs the tests."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    found, notices = load({"BEASTMODE_HOME": str(tmp_path / "home")})
    assert not notices
    return found


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    async with ModelServer(text="return a + b") as server:
        yield server
