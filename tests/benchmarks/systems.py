"""What `completion.py` puts side by side, each as its users run it, and the model that all of them ask.

tabby-agent is installed into the user's cache folder the first time; nothing of it is in this repository.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any, Self

import platformdirs
import psutil
from lsp import register

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

TABBY = "tabby-agent@1.5.0"
INSTALL_LIMIT_S = 300.0
INLINE, MENU = "textDocument/inlineCompletion", "textDocument/completion"
OURS, OURS_AT_ONCE, TABBY_SHIPPED, TABBY_AT_ONCE = "ours", "ours, no delay", "tabby", "tabby, no delay"
NAMES = {
    OURS: "BEAST MODE",
    OURS_AT_ONCE: "BEAST MODE, no delay",
    TABBY_SHIPPED: "tabby-agent",
    TABBY_AT_ONCE: "tabby-agent, no delay",
}
_TABBY_CONFIG = """
[server]
endpoint = "{url}"
token = "auth_none"

[anonymousUsageTracking]
disable = true
"""
_NO_DELAY = """
[completion.debounce]
mode = "fixed"
interval = 0
"""


@dataclass(frozen=True, slots=True)
class System:
    """How to start a language server, and how to ask it; `client` is what the model calls it."""

    name: str
    client: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    method: str


async def systems(folder: Path, url: str, fim_format: str, *, peer: bool) -> list[System]:
    """Ours and, where it can be installed, tabby-agent: as shipped, and with no wait for the next key.

    Args:
        folder: where each gets a home of its own.
        url: of the model, without a path.
        fim_format: how ours asks it.
        peer: whether tabby-agent is wanted.
    """
    found = []
    for name, more in ((OURS, {}), (OURS_AT_ONCE, {"BEASTMODE_COMPLETION__DEBOUNCE_MAX_MS": "0"})):
        client = name.replace(", ", "-").replace(" ", "-")
        home = folder / client
        await register(home, f"{url}/{client}/v1", fim_format)
        environment = {"BEASTMODE_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **more}
        found.append(System(name, client, (sys.executable, "-m", "beastmode", "lsp"), environment, INLINE))
    node, script = shutil.which("node"), await _installed() if peer else None
    if node is None or script is None:
        if peer:
            say("tabby-agent is left out" if node else "There is no node, so tabby-agent is left out")
        return found
    for name, more in ((TABBY_SHIPPED, ""), (TABBY_AT_ONCE, _NO_DELAY)):
        client = name.replace(", ", "-").replace(" ", "-")
        home = folder / client
        config = home / ".tabby-client" / "agent" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(_TABBY_CONFIG.format(url=f"{url}/{client}") + more, encoding="utf-8")
        command = (node, str(script), "--lsp", "--stdio")
        found.append(System(name, client, command, {"HOME": str(home), "USERPROFILE": str(home)}, MENU))
    return found


async def _installed() -> Path | None:
    """tabby-agent's program, installed where it is not there yet; None where it cannot be."""
    folder = platformdirs.user_cache_path("beastmode") / "benchmarks" / TABBY.replace("@", "-")
    script, done = folder / "node_modules" / "tabby-agent" / "dist" / "cli.js", folder / "installed"
    if done.exists():
        return script
    npm = shutil.which("npm")
    if npm is None:
        say("There is no npm, so tabby-agent is left out")
        return None
    say(f"Installing {TABBY} into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    # Its scripts are not run: it needs none of them.
    options = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    process = await asyncio.create_subprocess_exec(
        npm, "install", "--prefix", str(folder), *options, TABBY, stdout=sys.stderr
    )
    try:
        async with asyncio.timeout(INSTALL_LIMIT_S):
            failed = await process.wait()
    except TimeoutError:
        process.kill()
        failed = await process.wait()
    if failed or not script.exists():
        say(f"{TABBY} cannot be installed, and is left out")
        return None
    done.touch()
    return script


class Model:
    """The process of continuing_model.py.

    Attributes:
        url: without a path.
    """

    def __init__(self, log: BinaryIO) -> None:
        self._log = log

    async def __aenter__(self) -> Self:
        script = str(Path(__file__).with_name("continuing_model.py"))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, script, stdin=PIPE, stdout=PIPE, stderr=self._log, limit=1 << 26
        )
        self.url = f"http://127.0.0.1:{(await self._said())['port']}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.stdin.close()
        await self._process.wait()

    async def tell(self, **behaviour: Any) -> list[dict[str, Any]]:
        """Change its behaviour; what it was asked since the last time (see continuing_model.py)."""
        self._process.stdin.write(json.dumps(behaviour).encode() + b"\n")
        return (await self._said())["records"]

    async def _said(self) -> dict[str, Any]:
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("The loopback model has gone")
        return json.loads(line)


def cpu_s(pid: int) -> float:
    """Processor time of a process and all its children, in seconds: to the nanosecond on Linux, else to what it has."""
    total = 0.0
    for process in _tree(pid):
        threads = Path(f"/proc/{process.pid}/task")
        try:
            total += sum(int((each / "schedstat").read_text().split()[0]) for each in threads.iterdir()) / 1e9
        except (OSError, ValueError, IndexError):
            with contextlib.suppress(psutil.Error):  # it has ended since
                times = process.cpu_times()
                total += times.user + times.system
    return total


def rss_mb(pid: int) -> float:
    """Resident memory of a process and all its children, in MB."""
    total = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):  # it has ended since
            total += process.memory_info().rss
    return total / 1e6


async def quiet(pid: int, limit_s: float = 20.0) -> None:
    """Wait until a process has nothing left to do, but no longer than the limit."""
    try:
        async with asyncio.timeout(limit_s):
            before = cpu_s(pid)
            while True:
                await asyncio.sleep(0.25)
                now = cpu_s(pid)
                if now - before < 0.01:
                    return
                before = now
    except TimeoutError:
        say("A server is never idle; its figures hold whatever it does besides")


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def machine() -> str:
    """What the figures were taken on."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}{load}"


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
