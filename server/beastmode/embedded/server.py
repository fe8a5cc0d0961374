"""`python -m beastmode.embedded.server`: the process that runs the model, and nothing else of the product.

Apart, so that a crash of the runtime, its memory and its threads never touch a language server. It reads its order
from standard input, says in one JSON line on standard output that it is ready or why it cannot be, and serves
llama.cpp's HTTP API on a loopback port until its last user has been gone for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded import machine
from beastmode.embedded.lease import HOST, LeaseDesk
from beastmode.embedded.order import Order
from beastmode.embedded.running import Running, forget_running, write_running
from beastmode.embedded.weights import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOTS = 2
"""A line can be completed while a chat is being answered; the room for tokens is shared."""
_BATCH = 64
"""Prompt tokens between two looks at whether the caller is still there: about a second on two small busy cores."""
_ERRORS_ONLY = 1
"""llama.cpp's verbosity at which no prompt is ever printed."""


def main() -> None:
    """Serve as the order on standard input says."""
    order, key = Order.from_line(sys.stdin.buffer.readline())
    tell = _redirect_output(Path(order.log))
    try:
        machine.check_processor()
        machine.check_memory(order.memory)
        machine.step_back()
        _check_content(order)
        api = _load(order, key)
    except ModelUnavailable as error:
        tell({"status": "failed", "message": error.message, "fix": error.fix})
        sys.exit(1)
    asyncio.run(_stay(order, key, int(api.listening_address.rpartition(":")[2]), tell))
    # The runtime's own shutdown waits for requests in flight; nobody is left who could want their answers.
    os._exit(0)


def _redirect_output(log: Path) -> Callable[[dict[str, object]], None]:
    """Send all that is printed from now on, by C++ too, to the log file; the way to say a line on the old output."""
    log.unlink(missing_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    spoken = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)

    def tell(what: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # whoever started us is gone already; others may still want us
            print(json.dumps(what), file=spoken, flush=True)
            spoken.close()

    return tell


def _check_content(order: Order) -> None:
    """The last gate before the runtime: it parses C structures out of these bytes, so they must be the right ones."""
    if order.sha256 and digest_of(Path(order.path), threading.Event()) != order.sha256:
        raise ModelUnavailable(
            f"The weights {order.path} are damaged: their SHA-256 is not the published one",
            "Run `beastmode models fetch` to fetch them again",
        )


def _load(order: Order, key: str) -> Any:
    """llama.cpp's HTTP server, loaded and listening."""
    # Before the import: waiting threads sleep instead of spinning, which would stall beside a busy editor.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    import xllamacpp  # noqa: PLC0415  # only after the checks, and only in this process

    params = xllamacpp.CommonParams()
    params.model.path = order.path
    params.model_alias = {order.name}
    params.n_ctx, params.n_parallel, params.kv_unified = order.context, _SLOTS, True
    params.n_batch = params.n_ubatch = _BATCH
    params.n_gpu_layers, params.fit_params = 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = machine.thread_count(order.threads)
    params.hostnames, params.port = [HOST], 0
    params.api_keys = [key]
    params.cors_origins, params.cors_origins_explicit, params.cors_credentials = f"http://{HOST}", True, False
    params.cache_ram_mib = 0  # else a cache beside the model grows to 8 GiB
    params.ui = params.endpoint_slots = False
    params.verbosity = _ERRORS_ONLY
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelUnavailable(
            f"The built-in model {order.name} could not be loaded: {error}", f"Look into {order.log}"
        ) from error


async def _stay(order: Order, key: str, port: int, tell: Callable[[dict[str, object]], None]) -> None:
    """Say where we are, and stay until nobody needs us or somebody ends us."""
    desk = LeaseDesk(key, order.grace_s)
    state = Path(order.state)
    write_running(state, Running(os.getpid(), port, await desk.open(), key))
    staying = asyncio.ensure_future(desk.until_unused())
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, staying.cancel)
    tell({"status": "ready"})
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await staying
    finally:
        desk.close()
        forget_running(state, os.getpid())


if __name__ == "__main__":
    main()
