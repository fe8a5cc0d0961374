"""A workspace, a folder for its index, and the two put together without a process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beastmode.context.index import Index
from beastmode.context.index.builder import Builder, Limits
from beastmode.context.index.places import index_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER = Path(__file__).parents[3] / "server"


@pytest.fixture(autouse=True)
def _package_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SERVER), prepend=os.pathsep)


class Workspace:
    """Files and their index."""

    def __init__(self, base: Path) -> None:
        self.root = base / "work"
        self.root.mkdir()
        self.folder = base / "home" / "index"
        self.file = index_file(self.root, self.folder)
        self.index = Index(self.root, self.folder, limit_s=30.0)

    def write(self, path: str | bytes, text: str | bytes = "x = 1\n") -> Path:
        file = self.root / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def update(self, limits: Limits | None = None) -> int:
        """How many steps it took: files looked into, files forgotten, folders looked at."""
        builder = Builder(self.root, self.file, limits)
        try:
            return sum(1 for _ in builder.update())
        finally:
            builder.close()

    def touch(self, path: Path) -> None:
        builder = Builder(self.root, self.file)
        try:
            builder.touch(path)
        finally:
            builder.close()

    async def paths(self, *words: str) -> set[str]:
        return {chunk.path for chunk in await self.index.search(words, limit=100)}


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    made = Workspace(tmp_path)
    yield made
    await made.index.aclose()
