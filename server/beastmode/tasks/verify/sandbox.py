"""Running a program that is not trusted: in a copy, within limits, as much apart as this machine can keep it.

The work is done by `launcher.py` in a process of its own; here is what the rest of the server sees of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from beastmode.domain.errors import BeastModeError
from beastmode.tasks.verify.consent import Kind, NotAllowedToRun
from beastmode.tasks.verify.environment import LAUNCHER_VARIABLES
from beastmode.tasks.verify.isolation import bubblewrap, isolation_of, mounts, with_network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.tasks.verify.consent import Permission
    from beastmode.tasks.verify.isolation import Isolation

GIB = 1 << 30
Ended = Literal["exited", "timeout", "memory", "processes", "failed"]

_LAUNCHER = Path(__file__).with_name("launcher.py")
_QUICKLY = ("-S",) if sys.platform == "linux" else ()
"""Elsewhere the launcher needs psutil to see its descendants."""
_HEAD, _TAIL = 64_000, 192_000
"""Bytes of the output that are kept: from its start, and from its end."""
_LARGEST_FILE = GIB
_MOST_PROCESSES = 512
_PROBE_S = 10.0
_END_S = 6.0
"""How long the launcher may take to end everything before it is ended itself."""


class CannotRun(BeastModeError):
    """The program could not be started at all."""

    kind = "cannot_run"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one program.

    Attributes:
        exit_code: None unless it ended by itself; below zero, the signal that ended it.
        output: what it wrote to both of its streams, as text; the middle is left out where it is long.
        ended: how; "timeout", "memory" and "processes" are limits that it passed.
        duration_s: seconds, with starting and cleaning up.
        isolated, not_isolated: what was kept from it and what was not, as sentences.
    """

    argv: tuple[str, ...]
    exit_code: int | None
    output: str
    ended: Ended
    duration_s: float
    isolated: tuple[str, ...]
    not_isolated: tuple[str, ...]

    @property
    def timed_out(self) -> bool:
        """It took longer than it may."""
        return self.ended == "timeout"


class Sandbox:
    """Where programs are run.

    Args:
        permission: the user's yes, without which nothing is run; None is good for `describe`.
        hidden: files and folders that no program may see, such as this product's own.
        home: the user's home folder.
        ways: how to isolate, the best first; tests take some away.
    """

    def __init__(
        self,
        permission: Permission | None = None,
        *,
        hidden: Sequence[Path] = (),
        home: Path | None = None,
        ways: Sequence[str] = ("bubblewrap", "namespaces"),
    ) -> None:
        self._permission = permission
        self._hidden = tuple(hidden)
        self._home = home or Path.home()
        self._ways = tuple(ways)
        self._found: asyncio.Task[Isolation] | None = None

    async def describe(self) -> Isolation:
        """What this machine can isolate; tried once, by running nothing of the user's. To be said before asking."""
        if self._found is None or (self._found.done() and self._found.cancelled()):
            self._found = asyncio.create_task(self._look())
        return await asyncio.shield(self._found)

    async def run(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        cwd: Path,
        env: Mapping[str, str],
        timeout_s: float,
        memory_bytes: int = 2 * GIB,
        network: bool = False,
        readable: Sequence[Path] = (),
    ) -> Run:
        """Run a program to its end, or to the end of its time; cancelling ends it and all that it started.

        Args:
            argv: the program and its arguments; no shell sees them.
            folder: the one folder that it may write.
            cwd: where it starts, in `folder`.
            env: its whole environment; see `environment.environment`.
            timeout_s: seconds it may take.
            memory_bytes: of all its processes together, their shared memory counted once at most.
            network: leave it the machine's network.
            readable: what it needs that may lie in a folder for temporary files.

        Raises:
            NotAllowedToRun: there is no permission.
            CannotRun: there is no such program, or this system cannot run anything apart.
        """
        if self._permission is None:
            raise NotAllowedToRun(folder.name, Kind.CODE, "nobody allowed it", "Allow to run code in this workspace")
        if shutil.which(argv[0], path=env.get("PATH", os.defpath)) is None:
            raise CannotRun(f"{argv[0]} is not installed", "Install it, or set up the project's own tools first")
        isolation = await self.describe()
        told = with_network(isolation) if network else isolation
        order = _order(argv, cwd, env, timeout_s, memory_bytes)
        own = (Path(sys.prefix), Path(sys.base_prefix))
        steps = await asyncio.to_thread(mounts, folder, (*own, *readable), self._hidden, self._home)
        self._isolate(order, isolation.way, steps, network=network)
        began = time.monotonic()
        answer, output = await _Life(order).ended()
        ended = answer["ended"]
        if ended == "failed":
            raise CannotRun(
                f"{argv[0]} could not be run: {answer['failed']}", "Check that it is installed for this workspace"
            )
        return Run(
            tuple(argv),
            _code(answer["code"]),
            output,
            ended,
            time.monotonic() - began,
            told.isolated,
            told.not_isolated,
        )

    def _isolate(self, order: dict[str, Any], way: str, steps: list[list[str]], *, network: bool) -> None:
        if way == "namespaces":
            order["namespaces"] = {"network": network, "mounts": steps}
        elif way == "bubblewrap":
            program = shutil.which("bwrap") or "bwrap"
            order["argv"] = bubblewrap(program, steps, network=network, cwd=Path(order["cwd"]), argv=order["argv"])

    async def _look(self) -> Isolation:
        """Try one way after the other on a program of our own."""
        if sys.platform == "win32":
            raise CannotRun("Running tests apart is not possible on Windows yet", "Use WSL or a container")
        why_not: list[str] = []
        for way in self._ways:
            problem = await self._try(way)
            if not problem:
                return isolation_of(way)
            why_not.append(f"{way}: {problem}")
        return isolation_of("none", why_not)

    async def _try(self, way: str) -> str:
        """Why a way does not work here, '' if it does."""
        if way == "bubblewrap" and shutil.which("bwrap") is None:
            return "bwrap is not installed"
        if sys.platform != "linux":
            return "only on Linux"
        here = _LAUNCHER.parent
        order = _order([sys.executable, "-I", "-S", "-c", "pass"], here, {}, _PROBE_S, 2 * GIB)
        steps = mounts(here, (Path(sys.prefix), Path(sys.base_prefix)), self._hidden, self._home)
        # Nothing needs to be written, so that not even our own files can be; they may lie in a folder that is covered.
        read_only = [["ro-bind" if kind == "bind" else kind, path] for kind, path in steps]
        self._isolate(order, way, read_only, network=False)
        answer, output = await _Life(order).ended()
        if answer["ended"] == "exited" and answer["code"] == 0:
            return ""
        return str(answer["failed"] or output.strip()[:300] or answer["ended"])


def _order(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float, memory_bytes: int
) -> dict[str, Any]:
    return {
        "argv": list(argv),
        "cwd": str(cwd),
        "env": dict(env),
        "timeout_s": timeout_s,
        "memory_bytes": memory_bytes,
        "file_bytes": _LARGEST_FILE,
        "processes": _MOST_PROCESSES,
        "namespaces": None,
    }


def _code(code: int | None) -> int | None:
    """Through namespaces and bubblewrap a signal comes as 128 and its number, as a shell has it."""
    return 128 - code if code is not None and 128 < code < 160 else code  # noqa: PLR2004  # as said


class _Life:
    """The launcher's process. Two threads read what it says, and reap it: see context/index/life.py for why."""

    def __init__(self, order: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[tuple[dict[str, Any], str]] = loop.create_future()
        answers, answer_to = os.pipe()
        order["answer_to"] = answer_to
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own launcher; what it is told to run is its work
                [sys.executable, "-I", *_QUICKLY, str(_LAUNCHER)],
                env={name: os.environ[name] for name in LAUNCHER_VARIABLES if name in os.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=(answer_to,),
                start_new_session=True,
            )
        except BaseException:
            os.close(answers)
            raise
        finally:
            os.close(answer_to)
        data = json.dumps(order).encode()
        threading.Thread(
            target=self._live, args=(loop, b"%08x" % len(data) + data, answers), name="beastmode-sandbox", daemon=True
        ).start()

    async def ended(self) -> tuple[dict[str, Any], str]:
        """What the launcher answered, and the output. Cancelled, it waits until nothing of the program is left."""
        try:
            return await asyncio.shield(self._over)
        except asyncio.CancelledError:
            self._stop()
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(_END_S):
                    await asyncio.shield(self._over)
            if not self._over.done():
                self._process.kill()
            raise

    def _stop(self) -> None:
        assert self._process.stdin is not None  # noqa: S101  # a pipe, as asked for above
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _live(self, loop: asyncio.AbstractEventLoop, order: bytes, answers: int) -> None:
        """In the thread."""
        assert self._process.stdin is not None  # noqa: S101  # as above
        assert self._process.stdout is not None  # noqa: S101  # as above
        kept = _Output()
        with contextlib.suppress(OSError, ValueError):  # stopped before it had begun
            view = memoryview(order)
            while view:
                view = view[self._process.stdin.write(view) or 0 :]
        with self._process.stdout as output:
            while part := output.read(65_536):
                kept.add(part)
        with os.fdopen(answers, "rb") as file:
            said = file.read()
        self._process.wait()
        self._stop()
        answer = json.loads(said) if said else {"ended": "failed", "code": None, "failed": "its launcher was killed"}

        def over() -> None:
            if not self._over.done():
                self._over.set_result((answer, kept.text))

        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(over)


class _Output:
    """The start and the end of what may be endless."""

    def __init__(self) -> None:
        self._head, self._tail, self._lost = bytearray(), bytearray(), 0

    def add(self, part: bytes) -> None:
        room = _HEAD - len(self._head)
        self._head += part[: max(0, room)]
        self._tail += part[max(0, room) :]
        if len(self._tail) > 2 * _TAIL:
            self._lost += len(self._tail) - _TAIL
            del self._tail[:-_TAIL]

    @property
    def text(self) -> str:
        lost = self._lost + max(0, len(self._tail) - _TAIL)
        between = f"\n… {lost} bytes left out …\n".encode() if lost else b""
        text = bytes(self._head) + between + bytes(self._tail[-_TAIL:])
        return text.decode("utf-8", "replace").replace("\0", "")
