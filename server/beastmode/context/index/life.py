"""One life of a process that reads files for the server: its start, what is said to and by it, its end.

Not an asyncio subprocess: one whose start is cancelled together with every other task, as `asyncio.run` does on
Ctrl-C, is waited for without end (CPython 3.11). A thread listens and reaps, so there is never a zombie either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GRACE_S = 2.5
"""How long the process may take to end by itself, in seconds: a little more than it takes at most."""
_WHOLE = 4_096
"""Bytes that a pipe takes at once or not at all."""
_VARIABLES = (
    "APPDATA DYLD_LIBRARY_PATH HOME LANG LC_ALL LC_CTYPE LD_LIBRARY_PATH LOCALAPPDATA PATH PYTHONHOME PYTHONPATH "
    "SYSTEMROOT TEMP TMP TMPDIR USERPROFILE WINDIR"
)
"""All that a Python needs of the environment; the user's keys are none of the process's business."""


class Order(Protocol):
    """What a process is told first."""

    def to_line(self) -> bytes:
        """As one line."""
        ...


class Life:
    """A running process.

    Args:
        order: what it is to do.
        folder: where it works, an existing folder of ours.
        hear: called on the event loop with each line that it says.
        module: what it runs.

    Attributes:
        ended: its exit code, when it has ended; below zero, the signal that ended it.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self, order: Order, folder: Path, hear: Callable[[bytes], None], module: str = "beastmode.context.index"
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = loop.create_future()
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        # -P and the working folder: an editor runs in the user's workspace, whose files must never be taken for
        # modules. A session of its own: Ctrl-C is for us, and the process ends when its standard input does.
        self._process = subprocess.Popen(  # noqa: S603 - one of our own modules, named by our own code
            [sys.executable, "-P", "-m", module],
            cwd=folder,
            env={name: os.environ[name] for name in _VARIABLES.split() if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            creationflags=flags,
        )
        assert self._process.stdin is not None  # noqa: S101  # a pipe, as asked for above
        self._stdin = self._process.stdin
        if sys.platform != "win32":
            os.set_blocking(self._stdin.fileno(), False)
        with contextlib.suppress(OSError):
            self._stdin.write(order.to_line())  # a new pipe has room for it
        threading.Thread(target=self._listen, args=(loop, hear), name="beastmode-indexer", daemon=True).start()

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    def say(self, line: bytes) -> None:
        """Tell it something, unless it is too busy to listen: it looks at everything again anyway."""
        if len(line) <= _WHOLE and not self._stdin.closed:
            with contextlib.suppress(OSError):
                self._stdin.write(line)

    async def end(self) -> None:
        """Ask it to end, wait until it has, and end it if it does not: nothing is lost by that."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            async with asyncio.timeout(_GRACE_S):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self._process.kill()
            await asyncio.shield(self.ended)
        except asyncio.CancelledError:
            self._process.kill()
            raise

    def _listen(self, loop: asyncio.AbstractEventLoop, hear: Callable[[bytes], None]) -> None:
        """In the thread."""

        def over(code: int) -> None:
            if not self.ended.done():
                self.ended.set_result(code)

        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  # a pipe, as asked for above
        try:
            with stdout, open(stdout.fileno(), "rb", closefd=False) as lines:
                for line in lines:
                    loop.call_soon_threadsafe(hear, line)
            loop.call_soon_threadsafe(over, self._process.wait())
        except RuntimeError:  # the loop is closed, and nobody waits any more
            self._process.kill()
            self._process.wait()
