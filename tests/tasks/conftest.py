from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer
from tests.support.shop import Shop

from beastmode.app import App
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A workspace, an app of its own, and a model on loopback that is selected."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    settings, _ = load({"BEASTMODE_HOME": str(tmp_path / "home")})
    async with ModelServer(text="") as server:
        app = await App.open(settings)
        try:
            yield await Shop.opened(app, server, tmp_path / "w")
        finally:
            await app.close()
