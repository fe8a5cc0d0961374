"""Finding the server that runs already, or starting it: one server for all windows of one user.

Apart from `Embedded`, which decides when; here is how.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded.lease import LeaseRefused, take_lease
from beastmode.embedded.machine import NO_AVX2
from beastmode.embedded.offload import held, offload
from beastmode.embedded.running import forget_running, read_running

if TYPE_CHECKING:
    from beastmode.embedded.lease import Lease
    from beastmode.embedded.order import Order
    from beastmode.embedded.running import Running

_START_S = 180.0
"""Verifying and loading a gigabyte from a slow disk, in seconds."""


async def join_or_start(order: Order) -> tuple[Running, Lease]:
    """A share in the server that `order` describes, started if it is not running.

    Raises:
        ModelUnavailable: it cannot be started; says why.
    """
    state = Path(order.state)
    found = await _join(state)
    if found is None:
        async with held(state.with_suffix(".lock")):
            found = await _join(state)
            if found is None:
                await _start(order)
                found = await _join(state)
    if found is None:
        raise ModelUnavailable(
            f"The built-in model's process ended as soon as it was ready: {log_tail(order)}", f"Look into {order.log}"
        )
    return found


async def _join(state: Path) -> tuple[Running, Lease] | None:
    running = read_running(state)
    if running is None:
        return None
    try:
        return running, await take_lease(running.lease_port, running.key)
    except LeaseRefused:
        forget_running(state, running.pid)
        return None


async def _start(order: Order) -> None:
    """Start the server and wait until it is ready; cancelling ends it."""
    process = _spawn(order)
    threading.Thread(target=process.wait, name="beastmode-embedded-reaper", daemon=True).start()
    listening = asyncio.ensure_future(offload(lambda _: _exchange(process, order)))
    try:
        async with asyncio.timeout(_START_S):
            line = await asyncio.shield(listening)
    except TimeoutError as error:
        raise ModelUnavailable(
            f"The built-in model was not ready within {_START_S:g} s", f"Look into {order.log}"
        ) from error
    finally:
        if not listening.done():
            process.kill()  # ends the reading too
            await asyncio.wait([listening])
    answer = _parse(line)
    if answer.get("status") == "ready":
        return
    if answer.get("status") == "failed":
        raise ModelUnavailable(answer.get("message", ""), answer.get("fix", ""))
    raise _death(await offload(lambda _: process.wait()), order)


def _spawn(order: Order) -> subprocess.Popen[bytes]:
    # -P and the working folder: an editor runs in the user's workspace, whose files must never be taken for modules.
    # Not an asyncio subprocess, which would be killed with the loop that started it: others share this one.
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "beastmode.embedded.server"],
        cwd=Path(order.state).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=flags,
    )


def _exchange(process: subprocess.Popen[bytes], order: Order) -> bytes:
    """Hand over the order with a new key and read the one line that answers it; empty if the process died."""
    assert process.stdin is not None  # noqa: S101  # both are pipes, as asked for in _spawn
    assert process.stdout is not None  # noqa: S101  # the same
    with process.stdin, process.stdout:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(order.to_line(secrets.token_urlsafe(32)))
            process.stdin.flush()
        return process.stdout.readline()


def _parse(line: bytes) -> dict[str, str]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _death(code: int, order: Order) -> ModelUnavailable:
    """What it means that the process ended with this code before it said anything."""
    if sys.platform != "win32" and code == -signal.SIGILL:
        return ModelUnavailable(*NO_AVX2)
    if sys.platform != "win32" and code == -signal.SIGKILL:
        return ModelUnavailable(
            "The built-in model was killed while it was loading, most likely because memory ran out",
            "Close something, or set builtin.model to a smaller one",
        )
    return ModelUnavailable(
        f"The built-in model ended with code {code} while it was loading: {log_tail(order)}", f"Look into {order.log}"
    )


def log_tail(order: Order) -> str:
    """The last thing that the server's log says, on one short line."""
    try:
        lines = Path(order.log).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:200] if said else "its log is empty"
