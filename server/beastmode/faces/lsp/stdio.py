"""Standard input and output as the language server's wire.

pygls reads each header line in a worker thread; a pipe that the event loop watches itself saves three thread switches
a message. Where there is no such pipe (Windows, a file), pygls' own reader serves.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

if TYPE_CHECKING:
    from pygls.io_ import AsyncReader

    from beastmode.faces.lsp.language_server import Server


async def serve(server: Server) -> None:
    """Handle messages until the editor says `exit` (SystemExit) or goes away."""
    server.protocol.set_writer(StdoutWriter(sys.stdout.buffer))
    with suppress(asyncio.IncompleteReadError):
        await run_async(
            Event(), await _reader(), server.protocol, logging.getLogger("pygls"), server.report_server_error
        )


async def _reader() -> AsyncReader:
    if not _is_pipe_of_our_own():
        return StdinAsyncReader(sys.stdin.buffer, ThreadPoolExecutor(1))
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


def _is_pipe_of_our_own() -> bool:
    """Whether standard input can be made non-blocking without making standard output so too."""
    if sys.platform == "win32":
        return False
    into, out = os.fstat(0), os.fstat(1)
    watchable = stat.S_ISFIFO(into.st_mode) or stat.S_ISSOCK(into.st_mode)
    return watchable and (into.st_dev, into.st_ino) != (out.st_dev, out.st_ino)
