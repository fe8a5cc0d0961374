from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.gateway_client import Gate, opened_gate
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
def workspace(tmp_path: Path) -> Path:
    """A folder that the owner named `shop`."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
async def gate(settings: Settings, workspace: Path) -> AsyncIterator[Gate]:
    """The gateway, asked in process, with a workspace `shop`."""
    async with opened_gate(settings, workspaces={"shop": workspace}) as gate:
        yield gate


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    async with ModelServer(text="return a + b") as server:
        yield server
