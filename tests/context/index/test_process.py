"""The real process that keeps an index."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.context.index.conftest import Workspace

from beastmode.context.index import Indexer, State, forget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.e2e

PATIENCE_S = 60.0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture
async def indexer(workspace: Workspace) -> AsyncIterator[Indexer]:
    made = Indexer(workspace.root, workspace.folder, share=1.0, pauses=(0.01, 0.01, 0.01))
    yield made
    await made.aclose()


def pid(indexer: Indexer) -> int:
    assert indexer._life is not None
    return indexer._life.pid


async def test_it_keeps_the_index_and_steps_back(workspace: Workspace, indexer: Indexer) -> None:
    """Built, then kept up with what is touched; at the lowest priority, with no key of the user, gone when closed."""
    workspace.write("a.py", "def apple(): pass\n")
    os.environ["SOME_API_KEY"] = "topsecret"
    try:
        indexer.start()
        await until(lambda: indexer.state == State("idle", 1, 1))
    finally:
        del os.environ["SOME_API_KEY"]
    assert await workspace.paths("apple") == {"a.py"}
    process = psutil.Process(pid(indexer))
    if sys.platform != "win32":
        assert process.nice() == 19
    assert "topsecret" not in process.environ().values()
    indexer.touched(workspace.write("b\n\udcff.py", "def banana(): pass\n"))
    async with asyncio.timeout(PATIENCE_S):
        while not await workspace.paths("banana"):
            await asyncio.sleep(0.02)
    await indexer.aclose()
    assert not process.is_running()
    assert indexer.state == State("off")


async def test_it_rests_on_demand(workspace: Workspace, indexer: Indexer) -> None:
    """Nothing is read between pause and resume, not even what is touched; a pause before the start holds too."""
    workspace.write("a.py", "def apple(): pass\n")
    indexer.pause()
    indexer.start()
    await until(lambda: indexer.state.activity == "paused")
    assert await workspace.paths("apple") == set()
    indexer.resume()
    await until(lambda: indexer.state.activity == "idle")
    assert await workspace.paths("apple") == {"a.py"}
    indexer.pause()
    await until(lambda: indexer.state.activity == "paused")
    indexer.touched(workspace.write("b.py", "def banana(): pass\n"))
    indexer.resume()
    await until(lambda: indexer.state.activity == "idle")


async def test_two_windows_one_index(workspace: Workspace, indexer: Indexer) -> None:
    """The second window's process waits, and takes over when the first one's has gone."""
    workspace.write("a.py")
    indexer.start()
    await until(lambda: indexer.state.activity == "idle")
    second = Indexer(workspace.root, workspace.folder, share=1.0)
    second.start()
    await until(lambda: second.state.activity == "shared")
    await indexer.aclose()
    await until(lambda: second.state.activity == "idle")
    await second.aclose()


async def test_killed_it_comes_back_and_at_last_stays_off(workspace: Workspace) -> None:
    """Three new tries, each announced; then it is off and says why. No zombie is left."""
    workspace.write("a.py")
    seen: list[State] = []
    indexer = Indexer(workspace.root, workspace.folder, pauses=(0.01, 0.01, 0.01), changed=seen.append)
    indexer.start()
    killed: set[int] = set()
    while not indexer._task.done():  # type: ignore[union-attr]
        life = indexer._life
        if life is not None and life.pid not in killed:
            killed.add(life.pid)
            os.kill(life.pid, signal.SIGTERM)
        await asyncio.sleep(0.01)
    assert len(killed) == 4
    assert indexer.state.activity == "off"
    assert "ended with code -15" in indexer.state.reason
    assert not any(psutil.pid_exists(number) for number in killed)
    await indexer.aclose()


async def test_a_reason_that_the_process_gives_is_passed_on(workspace: Workspace) -> None:
    """An index that cannot be written says so instead of an exit code."""
    workspace.file.mkdir(parents=True)
    indexer = Indexer(workspace.root, workspace.folder, pauses=())
    indexer.start()
    state = await indexer.finished()
    assert state.activity == "off"
    assert "cannot be written" in state.reason
    await indexer.aclose()


def test_it_ends_with_the_server(workspace: Workspace) -> None:
    """A server that is killed leaves no process behind."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from beastmode.context.index import Indexer\n"
        "async def main():\n"
        "    indexer = Indexer(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "    indexer.start()\n"
        "    while indexer.state.activity != 'idle':\n"
        "        await asyncio.sleep(0.02)\n"
        "    print(indexer._life.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    workspace.write("a.py")
    command = [sys.executable, "-c", program, str(workspace.root), str(workspace.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        child = psutil.Process(int(server.stdout.readline()))
        server.kill()
    asyncio.run(until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE))


async def test_deleted_under_its_feet_it_is_built_again(workspace: Workspace, indexer: Indexer) -> None:
    """`beastmode index clear` beside an open editor: the editor's process makes a new one at its next look."""
    workspace.write("a.py", "def apple(): pass\n")
    indexer.start()
    await until(lambda: indexer.state.activity == "idle")
    forget(workspace.root, workspace.folder)
    indexer._say("look")
    async with asyncio.timeout(PATIENCE_S):
        while not await workspace.paths("apple"):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("delay", [None, 0.0, 0.002, 0.05, 0.2])
def test_cancelled_with_everything_else_it_ends(workspace: Workspace, delay: float | None) -> None:
    """Ctrl-C at any moment of the start: `asyncio.run` comes back, and no process is left."""
    workspace.write("a.py")
    indexers: list[Indexer] = []

    async def interrupted() -> None:
        indexers.append(Indexer(workspace.root, workspace.folder))
        indexers[0].start()
        if delay is not None:
            await asyncio.sleep(delay)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(interrupted())
    children = [child for child in psutil.Process().children() if "beastmode.context.index" in child.cmdline()]
    assert not [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
