"""The folders of a workspace and their search indexes, as they come and go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from beastmode.operations.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return str(folder)


async def test_a_folder_that_goes_and_comes_back_at_once(tmp_path: Path, root: str) -> None:
    """Changes that overtake each other leave the index as the last of them wants it."""
    workspace = Workspace(tmp_path / "index", lambda: 0.0)
    workspace.work_in([root])
    await workspace.index()
    workspace.work_in([])
    going = asyncio.create_task(workspace.index())
    await asyncio.sleep(0)
    workspace.work_in([root])
    await asyncio.gather(going, workspace.index())
    assert len(workspace.states()) == 1

    workspace.work_in([])
    await asyncio.gather(workspace.index(), workspace.index())
    assert workspace.states() == ()
    await workspace.aclose()


async def test_nothing_begins_after_the_end(tmp_path: Path, root: str) -> None:
    """A workspace that was closed while a folder came starts no process that nobody stops."""
    workspace = Workspace(tmp_path / "index", lambda: 0.0)
    workspace.work_in([root])
    await workspace.aclose()
    await workspace.index()
    assert workspace.states() == ()
