"""A command in a real pseudo-terminal, and the screen that a person would see (pyte draws it)."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import pyte


class Terminal:
    """Runs `beastmode ARGUMENTS`; leaving the context ends it.

    Args:
        arguments: of the command.
        environment: besides this process's own.
        size: columns and lines.

    Attributes:
        written: all that the command wrote.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], size: tuple[int, int] = (100, 40)) -> None:
        columns, lines = size
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.written = bytearray()
        self._main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        server = str(Path(__file__).parents[2] / "server")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "beastmode", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": server, **environment},
            start_new_session=True,
        )
        os.close(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._main)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without the blanks at the end of each line."""
        return [line.rstrip() for line in self._screen.display]

    def wait_until(self, shows: Callable[[list[str]], bool], seconds: float = 60) -> list[str]:
        """The lines, as soon as they show what is waited for."""
        end = time.monotonic() + seconds
        while not shows(self.lines):
            assert time.monotonic() < end, "\n".join(self.lines)
            if not self._read(0.2) and self._process.poll() is not None:
                break
        assert shows(self.lines), "\n".join(self.lines)
        return self.lines

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Read until the command has ended by itself; returns its exit code."""
        while self._read(1.0) or self._process.poll() is None:
            pass
        return self._process.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self._main], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._main, 65536)
        except OSError:  # what Linux says at the end of a terminal
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)
