"""The process between us and a program that is not trusted: it starts it, watches it, and ends all that came of it.

A process of its own, started by its path, because none of this may happen in the server: it takes namespaces, limits
and every orphan for itself. Imports only the standard library, so that it starts in a few hundredths of a second.

Protocol: eight hexadecimal digits and as many bytes of JSON (an `Order`, see `sandbox.py`) on standard input; one JSON
object on the descriptor that the order names, when everything has ended. The end of standard input is the order to
stop, so nothing outlives the server even if that is killed. The program's output goes to the launcher's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

_LOOK_S = 0.2
"""How often memory is looked at, in seconds."""
_END_S = 5.0
"""How long to go on ending what does not end."""
_SUBREAPER, _PARENT_DEATH = 36, 1
"""PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG of Linux."""


def main() -> None:
    """Run one program."""
    order = _order()
    os.set_inheritable(order["answer_to"], False)  # noqa: FBT003  # it takes no name
    answer = _Watch(order).run()
    with os.fdopen(order["answer_to"], "w") as out:
        out.write(json.dumps(answer))
    os._exit(0)


def _order() -> dict[str, Any]:
    size = int(_exactly(8), 16)
    order = json.loads(_exactly(size))
    assert isinstance(order, dict)  # noqa: S101  # written by sandbox.py
    return order


def _exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            os._exit(1)  # whoever gave the order has gone
        data += part
    return data


class _Watch:
    """One run: `order` says what and within which limits."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._said, self._child_says = os.pipe()
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._status: int | None = None
        self._program = 0

    def run(self) -> dict[str, Any]:
        if sys.platform == "linux":
            _prctl(_SUBREAPER, 1)  # orphans become our children
        self._program = os.fork()
        if self._program == 0:
            _become(self._order, self._child_says)
        os.close(self._child_says)
        ended = self._wait()
        left = self._end_all()
        failed = os.read(self._said, 4096).decode("utf-8", "replace")
        code = os.waitstatus_to_exitcode(self._status) if self._status is not None and ended == "exited" else None
        return {"ended": "failed" if failed else ended, "code": code, "failed": failed, "left": left}

    def _wait(self) -> str:
        """Until the program has ended or a limit is passed; says which."""
        end = time.monotonic() + self._order["timeout_s"]
        while True:
            self._reap()
            if self._status is not None:
                return "exited"
            rest = end - time.monotonic()
            if rest <= 0:
                return "timeout"
            ready = select.select([0, self._woken], [], [], min(rest, _LOOK_S))[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
            if 0 in ready and not os.read(0, 4096):
                return "cancelled"
            tree = descendants(os.getpid())
            if len(tree) > self._order["processes"]:
                return "processes"
            if sum(map(_memory, tree)) > self._order["memory_bytes"]:
                return "memory"

    def _reap(self) -> bool:
        """Take note of every child that has ended; False when there is none left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._program:
                self._status = status

    def _end_all(self) -> int:
        """Kill until nothing is left; gives how many could not be killed in time."""
        end = time.monotonic() + _END_S
        while self._reap() and time.monotonic() < end:
            for pid in descendants(os.getpid()):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        return len(descendants(os.getpid()))


def descendants(root: int) -> list[int]:
    """Every process that came of this one, parents first."""
    if sys.platform != "linux":
        import psutil  # noqa: PLC0415  # only where there is no /proc

        return [child.pid for child in psutil.Process(root).children(recursive=True)]
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # pathlib would double the cost of looking
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123  # as above
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(name))
    found, at = [*children.get(root, [])], 0
    while at < len(found):
        found += children.get(found[at], [])
        at += 1
    return found


def _memory(pid: int) -> int:
    """Bytes that are this process's own."""
    if sys.platform != "linux":
        import psutil  # noqa: PLC0415  # as above

        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _become(order: dict[str, Any], answer_to: int) -> None:
    """In the child: take the limits, then become the program. Never returns."""
    doing = "starting"
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        _limit(order)
        if sys.platform == "linux":
            _prctl(_PARENT_DEATH, signal.SIGKILL)  # not without the launcher
        if order["namespaces"] is not None:
            doing = "isolating"
            sys.path.insert(0, str(Path(__file__).parent))
            from namespaces import isolate  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # beside this file

            isolate(**order["namespaces"], cwd=order["cwd"])
        doing = "starting"
        os.chdir(order["cwd"])
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606  # that is what it is for
    except BaseException as error:  # noqa: BLE001  # a child that went on would be a second launcher
        os.write(answer_to, f"{doing}: {error}".encode()[:4000])
    os._exit(127)


def _limit(order: dict[str, Any]) -> None:
    import resource  # noqa: PLC0415  # there is none on Windows, where nothing is run

    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: order["file_bytes"]}
    if sys.platform == "linux":
        limits[resource.RLIMIT_DATA] = order["memory_bytes"]
    for what, most in limits.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901  # as far as we may
        resource.setrlimit(what, (most, most))


def _prctl(what: int, value: int) -> None:
    import ctypes  # noqa: PLC0415  # costs 10 ms, and only on Linux

    ctypes.CDLL(None).prctl(what, value, 0, 0, 0)


if __name__ == "__main__":
    main()
