"""The process that keeps an index fresh: slow on purpose, one a workspace, and gone when the server is.

Apart from the server so that reading a repository never holds up a keystroke, and that a file that a parser dies of
takes nothing with it. It reads JSON lines: first the order, then what to do (`pause`, `resume`, `touched` with a path);
their end is the end of the process. It writes JSON lines that say how far it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sqlite3
import sys
import threading
from io import FileIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from beastmode.context.index.builder import Builder
from beastmode.context.index.order import Order
from beastmode.context.index.places import index_file, lock_file, make_private, remove
from beastmode.context.index.tables import is_damage

if TYPE_CHECKING:
    from typing import TextIO

_LAST_WORDS_S = 2.0
"""How long what is under way may go on after the server has gone, in seconds."""
_TELL_S = 0.25
_LOOK_S = 30.0
"""The least time between two looks at the whole workspace, in seconds; it also takes at most a fiftieth of the time."""
_LOOK_SHARE = 50
_LOCK_S = 5.0
_BREATH_S = 0.01
"""Work is done in strokes of this many seconds, between which it rests."""
_STEP_CPU_S = 120.0
"""Processor time after which a single step is hopeless: a parser that does not end."""
_MEMORY = 400_000_000
"""Bytes of memory in use at which the process gives way to a new one."""
_ADDRESS_SPACE = 2_000_000_000
_CHECK_EVERY = 32
_MOST_TOUCHED = 1_000
TOO_HEAVY = 75
"""The exit code of a process that has grown too large."""


class _Ended(Exception):
    """The server has gone, or needs no index any more."""


class Control:
    """What the server says, read in a thread of its own; when it says no more, the process ends."""

    def __init__(self, source: FileIO) -> None:
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._ended = False
        self.paused = False
        self.touched: dict[str, None] = {}
        self.look = False
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Take in what was said within that time; whether anything was.

        Raises:
            _Ended: nothing more will be said.
        """
        try:
            said = self._said.get(timeout=seconds) if seconds > 0 else self._said.get_nowait()
        except queue.Empty:
            return False
        if said is None:
            raise _Ended
        do = said.get("do")
        if do in {"pause", "resume"}:
            self.paused = do == "pause"
        elif do == "touched" and len(self.touched) < _MOST_TOUCHED:
            self.touched[str(said.get("path"))] = None
        else:
            self.look = True
        return True

    def _listen(self, source: FileIO) -> None:
        for line in source:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                self._said.put(said if isinstance(said, dict) else {})
        self._said.put(None)
        ending = threading.Timer(_LAST_WORDS_S, os._exit, (0,))
        ending.daemon = True
        ending.start()


class Keeper:
    """Works through an order.

    Args:
        order: what to keep.
        control: what the server says.
        told: where progress is written to.
    """

    def __init__(self, order: Order, control: Control, told: TextIO) -> None:
        self._order = order
        self._control = control
        self._out = told
        self._root = Path(order.root).resolve()
        self._file = index_file(self._root, Path(order.folder))
        self._builder: Builder | None = None
        self._last = ("", 0.0)
        self._stroke = monotonic()
        self._steps = 0

    def run(self) -> None:
        """Until the server ends it, or once.

        Raises:
            OSError, sqlite3.Error: the index cannot be kept.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # slow to import, and not needed by the tests of a line

        make_private(self._file)
        lock = FileLock(lock_file(self._file), timeout=0, mode=0o600)
        with contextlib.suppress(_Ended):
            while True:
                try:
                    with lock:
                        self._keep()
                        return
                except Timeout:
                    self._tell("shared")
                    if self._order.once:
                        return
                    self._control.wait(_LOCK_S)
                    self._control.touched.clear()

    def _keep(self) -> None:
        try:
            self._work()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            remove(self._file)
            self._work()

    def _work(self) -> None:
        while True:
            self._work_on(Builder(self._root, self._file))
            if self._order.once:
                return

    def _work_on(self, builder: Builder) -> None:
        """Until somebody deletes the index, or once."""
        self._builder = builder
        try:
            while builder.current:
                began = monotonic()
                self._look()
                if self._order.once:
                    self._tell("done")
                    return
                self._wait(max(_LOOK_S, (monotonic() - began) * _LOOK_SHARE))
        finally:
            self._builder = None
            builder.close()

    def _look(self) -> None:
        assert self._builder is not None  # noqa: S101  # only called from _work
        self._control.look = False
        self._step()
        for _ in self._builder.update():
            self._step()

    def _wait(self, seconds: float) -> None:
        """Until it is time to look again; files that are touched meanwhile are read at once."""
        until = monotonic() + seconds
        while monotonic() < until and not self._control.look:
            self._tell("paused" if self._control.paused else "idle")
            self._control.wait(until - monotonic())
            if not self._control.paused:
                self._take_touched()
        while self._control.paused:
            self._tell("paused")
            self._control.wait(_LOOK_S)

    def _step(self) -> None:
        """Between two files: hear, rest, tell."""
        _arm()
        self._steps += 1
        if self._steps % _CHECK_EVERY == 0:
            _check_memory()
        worked = monotonic() - self._stroke
        if worked >= _BREATH_S:
            pause = worked * (1 - self._order.share) / self._order.share
            while self._control.wait(pause):
                pause = 0
            self._stroke = monotonic()
        while self._control.paused:
            self._tell("paused")
            self._control.wait(_LOOK_S)
        self._tell("indexing")
        self._take_touched()

    def _take_touched(self) -> None:
        assert self._builder is not None  # noqa: S101  # only called while there is one
        while self._control.touched:
            path = next(iter(self._control.touched))
            del self._control.touched[path]
            # As the editor calls it, which may have opened the workspace through a link.
            with contextlib.suppress(ValueError):
                self._builder.touch(self._root / Path(path).relative_to(self._order.root))

    def _tell(self, state: str) -> None:
        """One line, when the state is another or the last one is a while ago."""
        last, at = self._last
        if state == last and (state != "indexing" or monotonic() - at < _TELL_S):
            return
        self._last = state, monotonic()
        done, total = (self._builder.done, self._builder.total) if self._builder else (0, 0)
        _say(self._out, {"state": state, "done": done, "total": total})


def main() -> None:
    """Keep the index that the first line of standard input orders."""
    _step_back()
    source = FileIO(
        sys.stdin.fileno(), closefd=False
    )  # a thread that waits in a buffered one would not let the interpreter end
    order = Order.from_line(source.readline())
    try:
        Keeper(order, Control(source), sys.stdout).run()
    except (OSError, sqlite3.Error) as error:
        _say(sys.stdout, {"state": "failed", "reason": f"The index cannot be written: {error}"})
        sys.exit(1)


def _say(out: TextIO, line: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # whoever listened has gone, which is noticed elsewhere
        print(json.dumps(line), file=out, flush=True)


def _step_back() -> None:
    """Work only when nobody else wants to, and with no more memory than is decent; best effort."""
    import psutil  # noqa: PLC0415  # only in this process

    own = psutil.Process()
    with contextlib.suppress(OSError, psutil.Error):
        if sys.platform == "win32":
            own.nice(psutil.IDLE_PRIORITY_CLASS)
        else:
            os.nice(19)
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  # not everywhere

        with contextlib.suppress(OSError, psutil.Error):
            own.ionice(psutil.IOPRIO_CLASS_IDLE)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def _arm() -> None:
    """Let the system end the process if one step takes too much of the processor; a thread in C hears nothing else."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_VIRTUAL, _STEP_CPU_S)


def _check_memory() -> None:
    import psutil  # noqa: PLC0415  # as above

    if psutil.Process().memory_info().rss > _MEMORY:
        sys.exit(TOO_HEAVY)
