"""What `gateway.py` puts side by side, each as its users run it, and started the way they start it.

The peers are installed into the user's cache folder the first time; nothing of them is in this repository.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE
from time import perf_counter
from typing import TYPE_CHECKING

import psutil
from load_client import connect, post

from beastmode.app import App
from beastmode.faces.http.owner_token import FILE, OwnerToken
from beastmode.registry.registration import parse
from beastmode.settings import load
from router import install

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

HERE = Path(__file__).parent
OURS, BARE = "BEAST MODE", "bare pass-through"
PORTKEY, TENSORZERO, LITELLM = "Portkey", "TensorZero", "LiteLLM proxy"
SIDES = (BARE, OURS, PORTKEY, TENSORZERO, LITELLM)
READY_LIMIT_S = 60.0
_KEY = "sk-0123456789abcdef0123456789abcdef"
_PORTKEY_PACKAGE = (
    '{"name": "p", "version": "1.0.0", "dependencies": {"@portkey-ai/gateway": "1.15.2"},'
    ' "overrides": {"@hono/node-server": "1.14.1"}}'  # newer ones break its streams
)
_TENSORZERO = """
import sys, time, tensorzero
client = type("Client", (), {})()
tensorzero.patch_openai_client(client, config_file=sys.argv[1], async_setup=False)
print(client.base_url, flush=True)
time.sleep(3600)
"""


@dataclass(frozen=True, slots=True)
class Command:
    """How a gateway is started: where it answers ("" where its first line says so), and what it is asked with."""

    command: tuple[str, ...]
    url: str = ""
    path: str = "/v1/chat/completions"
    model: str = "zero"
    headers: Mapping[str, str] | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers.

    Attributes:
        url: of chat completions.
        model: what to ask for.
        headers: to ask with.
        start_s: from its spawn to its first answer.
        process: the one that was spawned.
        is_quick: whether a call takes it less than some milliseconds.
    """

    url: str
    model: str
    headers: dict[str, str]
    start_s: float
    process: psutil.Process
    is_quick: bool = True

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def memory_mb(self) -> float:
        """Resident memory of all its processes."""
        return sum(process.memory_info().rss for process in self._tree()) / 1e6

    def cpu_s(self) -> float:
        """Seconds of processor that it has used."""
        return sum(sum(process.cpu_times()[:2]) for process in self._tree())


async def started(name: str, upstream: str, folder: Path, stack: AsyncExitStack) -> Running | None:
    """Start a gateway in front of the model, and wait for its first answer; None where it cannot be had."""
    made = await _command(name, upstream, folder)
    if made is None:
        return None
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= dict(made.environment or {})
    log = stack.enter_context((HERE / "out" / "gateway.log").open("ab"))
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *made.command, stdout=log if made.url else PIPE, stderr=log, env=environment, cwd=folder
    )
    stack.push_async_callback(_end, process)
    url = made.url
    if not url:
        url = await asyncio.wait_for(_printed(process), READY_LIMIT_S)
    url += made.path
    headers = dict(made.headers or {})
    if name == OURS:
        headers = {"authorization": f"Bearer {OwnerToken(folder / 'home' / FILE).read()}"}
    side = Running(url, made.model, headers, 0.0, psutil.Process(process.pid), is_quick=name != LITELLM)
    await _answers(side)
    return replace(side, start_s=perf_counter() - began)


async def _printed(process: asyncio.subprocess.Process) -> str:
    """The address that a gateway says; some say more before it."""
    assert process.stdout is not None
    async for line in process.stdout:
        if (found := re.search(rb"http://127\.0\.0\.1:[^\s\"]+", line)) is not None:
            return found[0].decode().rstrip("/")
    raise RuntimeError("It ended without an address; see out/gateway.log")


async def _answers(side: Running) -> None:
    asked = b'{"model": "%b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64}' % side.model.encode()
    request = post(side.url, asked, side.headers)
    async with asyncio.timeout(READY_LIMIT_S):
        while True:
            with suppress(OSError):
                client = await connect(side.url, b"word0", b"word15")
                try:
                    if (await client.ask(request)).is_whole:
                        return
                finally:
                    client.transport.close()
            await asyncio.sleep(0.01)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _command(name: str, upstream: str, folder: Path) -> Command | None:
    python = sys.executable
    if name == BARE:
        return Command((python, str(HERE / "passthrough.py"), upstream))
    if name == OURS:
        home = folder / "home"
        await _register(home, upstream)
        given = {"BEASTMODE_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        return Command((python, "-m", "beastmode", "serve", "--port", "0"), environment=given)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    if name == PORTKEY:
        script = await _portkey()
        headers = {"authorization": "Bearer x", "x-portkey-provider": "openai", "x-portkey-custom-host": upstream}
        return script and Command(("node", script, f"--port={port}", "--headless"), url, headers=headers)
    if name == TENSORZERO:
        peer = await install("gateway-tensorzero", "tensorzero")
        config = folder / "tensorzero.toml"
        config.write_text(
            "[gateway]\nobservability.enabled = false\ndisable_pseudonymous_usage_analytics = true\n"
            '[models.zero]\nrouting = ["zero"]\n[models.zero.providers.zero]\ntype = "openai"\nmodel_name = "zero"\n'
            f'api_base = "{upstream}/"\napi_key_location = "none"\n'
        )
        command = (peer or "", "-W", "ignore", "-c", _TENSORZERO, str(config))
        return peer and Command(command, path="/chat/completions", model="tensorzero::model_name::zero")
    peer = await install("gateway-litellm", "litellm[proxy]!=1.107.*")
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: zero\n    litellm_params:\n"
        f"      {{model: openai/zero, api_base: '{upstream}', api_key: sk-x}}\nlitellm_settings:\n  telemetry: false\n"
    )
    environment = {"LITELLM_MASTER_KEY": _KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    program = str(Path(peer).with_name("litellm")) if peer else ""
    command = (program, "--config", str(config), "--port", str(port), "--host", "127.0.0.1")
    return peer and Command(command, url, headers={"authorization": f"Bearer {_KEY}"}, environment=environment)


async def _portkey() -> str | None:
    folder = Path(await _cache()) / "gateway-portkey"
    script = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(_PORTKEY_PACKAGE)
        process = await asyncio.create_subprocess_exec(npm, "install", "--no-audit", "--no-fund", cwd=folder, stdout=2)
        if await process.wait():
            return None
    return str(script)


async def _cache() -> str:
    import platformdirs  # noqa: PLC0415 - one use

    return str(platformdirs.user_cache_path("beastmode") / "benchmarks")


async def _register(home: Path, url: str) -> None:
    if home.exists():
        return
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    settings, _ = load({"BEASTMODE_HOME": str(home)})
    app = await App.open(settings)
    try:
        # A server on this machine is asked four things at once unless its row says that it can do more.
        fields = {"model_name": "Zero", "model_id": "zero", "endpoint_url": url, "max_concurrent": 64, "price": "1/2"}
        model, _ = parse(fields)
        await app.registry.add(model, None)
        await app.registry.select(model.id)
        await app.settle()
    finally:
        await app.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
