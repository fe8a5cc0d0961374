"""The real runtime with the smallest real weights, in real processes."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs
import psutil
import pytest

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded import Embedded
from beastmode.embedded.running import read_running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.e2e

MODELS = platformdirs.user_cache_path("beastmode", appauthor=False) / "models"
PATIENCE_S = 30.0


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Embedded]:
    embedded = make(tmp_path)
    await embedded.fetch(lambda _message, _fraction: None)
    yield embedded
    await embedded.release()
    end_servers(tmp_path)


def make(run_dir: Path, grace_s: float = 0.3) -> Embedded:
    return Embedded(MODELS, run_dir, "smollm2-135m", None, None, grace_s=grace_s)


def pids(run_dir: Path) -> list[int]:
    """The servers that say they run."""
    found = [read_running(path) for path in (run_dir / "builtin").glob("*.json")]
    return [running.pid for running in found if running]


def end_servers(run_dir: Path) -> None:
    for pid in pids(run_dir):
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGTERM)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.05)


async def complete(url: str, key: str) -> str:
    def ask() -> Any:
        api = urlsplit(url)
        connection = http.client.HTTPConnection(api.netloc, timeout=60)
        body = json.dumps({"prompt": "1, 2, 3, 4,", "max_tokens": 3, "temperature": 0})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        try:
            connection.request("POST", f"{api.path}/completions", body, headers)
            answer = connection.getresponse()
            return json.load(answer) if answer.status == http.HTTPStatus.OK else answer.status
        finally:
            connection.close()

    answer = await asyncio.to_thread(ask)
    return str(answer["choices"][0]["text"]) if isinstance(answer, dict) else str(answer)


def user_program(run_dir: Path) -> subprocess.Popen[str]:
    """Another process that takes a share, says where the server is, and stays."""
    program = (
        "import asyncio, json, pathlib\n"
        "from beastmode.embedded import Embedded\n"
        "async def main():\n"
        f"    e = Embedded(pathlib.Path({str(MODELS)!r}), pathlib.Path({str(run_dir)!r}), 'smollm2-135m', None, None,\n"
        "                 grace_s=0.3)\n"
        "    print(json.dumps(await e.endpoint()), flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=run_dir)


def said(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    url, key = json.loads(process.stdout.readline())
    return url, key


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


async def test_it_answers_and_only_to_the_key(embedded: Embedded, tmp_path: Path) -> None:
    """The real model counts on; a caller without the key gets 401; nothing that was said is in the log."""
    url, key = await embedded.endpoint()
    assert "5" in await complete(url, key)
    assert await complete(url, "guess") == "401"
    (log,) = (tmp_path / "builtin").glob("*.log")
    assert "1, 2, 3" not in log.read_text()
    (pid,) = pids(tmp_path)
    process = psutil.Process(pid)
    assert not [part for part in process.cmdline() if key in part]
    assert key not in process.environ().values()
    assert process.nice() > 0


async def test_two_processes_share_one_server(embedded: Embedded, tmp_path: Path) -> None:
    """A second editor window uses the server of the first, and a third that starts with it too."""
    others = [user_program(tmp_path) for _ in range(2)]
    mine = await embedded.endpoint()
    theirs = [await asyncio.to_thread(said, other) for other in others]
    assert theirs == [mine, mine]
    for other in others:
        kill(other)
    assert "5" in await complete(*mine)


async def test_a_killed_user_leaves_no_server_behind(embedded: Embedded, tmp_path: Path) -> None:
    """Kill -9 of the only editor ends the server after the grace period, and its description goes with it."""
    user = user_program(tmp_path)
    await asyncio.to_thread(said, user)
    (pid,) = pids(tmp_path)
    kill(user)
    await until(lambda: not psutil.pid_exists(pid))
    assert pids(tmp_path) == []


async def test_a_killed_server_is_started_again(embedded: Embedded, tmp_path: Path) -> None:
    """The request after kill -9 of the server finds a new one, though the dead one is still described."""
    first = await embedded.endpoint()
    (pid,) = pids(tmp_path)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(pid))
    assert embedded._share is not None
    await until(lambda: not embedded._share[1].alive)
    second = await embedded.endpoint()
    assert second[1] != first[1]
    assert "5" in await complete(*second)


async def test_weights_with_one_wrong_byte_are_never_loaded(embedded: Embedded, tmp_path: Path) -> None:
    """The server's own gate: damage after the fetch is noticed, and the fix named."""
    models = tmp_path / "models"
    models.mkdir()
    spoiled = bytearray(embedded.path.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    (models / embedded.path.name).write_bytes(spoiled)
    damaged = Embedded(models, tmp_path, "smollm2-135m", None, None)
    with pytest.raises(ModelUnavailable, match=r"SHA-256 is not the published one.*models fetch"):
        await damaged.endpoint()
    assert pids(tmp_path) == []


async def test_an_own_file_that_is_no_model_gives_a_sentence(tmp_path: Path) -> None:
    """A truncated GGUF file of the user's neither hangs nor takes the editor with it."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF\x03\x00\x00\x00" + b"\x00" * 64)
    with pytest.raises(ModelUnavailable, match=r"could not be loaded|while it was loading") as caught:
        await Embedded(tmp_path, tmp_path, "smollm2-135m", own, None).endpoint()
    assert ".log" in caught.value.fix


async def test_release_in_the_middle_of_a_start_leaves_nothing(embedded: Embedded, tmp_path: Path) -> None:
    """An editor closed while the model loads has no process running on."""
    starting = asyncio.create_task(embedded.endpoint())
    await until(lambda: bool(psutil.Process().children()))
    children = psutil.Process().children()
    await embedded.release()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await until(lambda: not any(child.is_running() for child in children))
    assert pids(tmp_path) == []


async def test_a_workspace_cannot_slip_modules_in(
    embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor runs in the opened folder; a json.py or xllamacpp.py that lies there is not run."""
    hostile = tmp_path / "repo"
    hostile.mkdir()
    for name in ("json", "xllamacpp", "beastmode", "pip"):
        (hostile / f"{name}.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    monkeypatch.chdir(hostile)
    assert "5" in await complete(*await embedded.endpoint())
    assert not (tmp_path / "owned").exists()
