from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.chatting import use
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.context.session import Session
from beastmode.settings import Settings, load
from beastmode.tasks.chat.reading import Desk

FILES = {
    "src/stock.py": "def total(items):\n    return sum(items)\n\n\ndef cheapest(items):\n    return min(items)\n",
    "src/shop/cart.py": "class Cart:\n    def add(self, item):\n        self.items.append(item)\n",
    "README.md": "# Shop\n",
    ".env": "PASSWORD=hunter2\n",
    "keys/id_rsa": "-----BEGIN\n",
    "blob.bin": "a\0b",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small workspace, beside a file that is not in it."""
    (tmp_path / "outside.py").write_text("SECRET = 1\n", encoding="utf-8")
    folder = tmp_path / "work"
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def workspace(root: Path) -> Session:
    return Session(lambda: 0.0, [str(root)])


@pytest.fixture
def desk(workspace: Session) -> Desk:
    return Desk(workspace)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    found, notices = load({"BEASTMODE_HOME": str(tmp_path / "home")})
    assert not notices
    return found


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(text="It is in src/stock.py:1-2.") as running:
        yield running


@pytest.fixture
async def app(settings: Settings, server: ModelServer, root: Path) -> AsyncIterator[App]:
    """The whole of it on a real database, with a model on a real socket."""
    opened = await App.open(settings)
    opened.workspace.work_in([str(root)])
    await use(opened, server.base)
    yield opened
    await opened.close()
