"""A model server in a thread of its own, for what runs, and ends, an event loop by itself."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.model_server import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.model_server import Script


@contextmanager
def serving(script: Script) -> Iterator[ModelServer]:
    """The server, while it answers."""
    ready, stop = threading.Event(), threading.Event()
    found: list[ModelServer] = []

    async def serve() -> None:
        async with ModelServer(text=script) as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join()
