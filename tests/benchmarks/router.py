"""The embedded router beside other ways to ask a model, in one run and in turns. `make bench-router` runs it.

Every side is a process of its own (sides.py), the peers each with a virtual environment in the user's cache folder,
where they are installed the first time. A table goes to standard output, all of it as JSON to out/router.json;
docs/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import platformdirs
import psutil
from lsp import register
from upstream import CHAT_TEXT, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

HERE = Path(__file__).parent
OUT = HERE / "out"
OURS, FLOOR = "ours", "aiohttp"
PLAIN, STREAM = "plain", "stream"
PEERS = {"openai": "openai", "tensorzero": "tensorzero", "litellm": "litellm!=1.107.*"}
IN_RUST = frozenset(("tensorzero",))
NAMES = {
    OURS: "BEAST MODE",
    FLOOR: "aiohttp alone",
    "openai": "openai SDK",
    "tensorzero": "TensorZero embedded",
    "litellm": "LiteLLM Router",
}
INSTALL_LIMIT_S = 600.0

ADDED_LIMIT_MS = 0.4
READY_LIMIT_S = 0.25
MEMORY_LIMIT_MB = 5.0
_NOT_FOR_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured: fresh starts, turns, calls of each kind in a turn, and calls for memory.

    Peers get a tenth of the last, as the slowest of them would take five minutes for all.
    """

    starts: int
    turns: int
    calls: int
    memory_calls: int


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised, what it came to, and whether that is enough."""

    promise: str
    seen: str
    reached: bool


class Side:
    """One process of sides.py, from its spawn to its exit."""

    def __init__(self, name: str, python: str, url: str, home: str, log: BinaryIO) -> None:
        self._command = (python, str(HERE / "sides.py"), name, url, home)
        self._log = log

    async def __aenter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_USERS}
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=self._log, env=environment, limit=1 << 26
        )
        try:
            self.ready = await self._answer()
        except BaseException:
            self._process.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    @property
    def rss_mb(self) -> float:
        """Memory of the process, in MB."""
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    async def ask(self, kind: str, calls: int) -> dict[str, Any]:
        """So many calls, one after the other: `seconds` of each, `cpu_s` of all."""
        self._process.stdin.write(f"{kind} {calls}\n".encode())
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command[2]} has gone; see {OUT / 'router.log'}")
        said: dict[str, Any] = json.loads(line)
        if said["text"] != CHAT_TEXT:
            raise RuntimeError(f"{self._command[2]} answered {said['text']!r}")
        return said


class Bench:
    """All sides, and what is measured of them.

    Args:
        pythons: the interpreter of each side.
        upstream: the model that all ask.
        home: where ours keeps its things.
        load: how much.
        log: where the sides' standard error goes.
    """

    def __init__(self, pythons: Mapping[str, str], upstream: Upstream, home: str, load: Load, log: BinaryIO) -> None:
        self._pythons, self._upstream, self._home = pythons, upstream, home
        self._load, self._log = load, log

    def _side(self, name: str) -> Side:
        return Side(name, self._pythons[name], self._upstream.url, self._home, self._log)

    async def starts(self) -> dict[str, dict[str, list[float]]]:
        """Seconds to import and set up, and to the first answer, for each of several fresh processes."""
        seen: dict[str, dict[str, list[float]]] = {name: {"ready": [], "answered": []} for name in self._pythons}
        for turn in range(self._load.starts + 1):
            for name in self._pythons if turn % 2 else reversed(self._pythons):
                async with self._side(name) as side:
                    if turn:  # the first start compiles modules and fills the file cache
                        seen[name]["ready"].append(side.ready["ready_s"])
                        seen[name]["answered"].append(side.ready["answered_s"])
            _say(f"start {turn}/{self._load.starts}")
        return seen

    async def calls(self) -> dict[str, dict[str, dict[str, list[float]]]]:
        """Milliseconds of each call, and of processor time a call in each turn; then the memory of many calls more."""
        seen: dict[str, dict[str, dict[str, list[float]]]] = {
            name: {PLAIN: {"ms": [], "cpu_ms": []}, STREAM: {"ms": [], "cpu_ms": []}} for name in self._pythons
        }
        async with AsyncExitStack() as stack:
            sides = {name: await stack.enter_async_context(self._side(name)) for name in self._pythons}
            for turn in range(self._load.turns + 1):
                for name in sides if turn % 2 else reversed(sides):
                    for kind in (PLAIN, STREAM):
                        before = self._upstream.calls
                        said = await sides[name].ask(kind, self._load.calls)
                        if self._upstream.calls != before + self._load.calls:
                            raise RuntimeError(f"{name} did not ask the model each time")
                        if turn:
                            seen[name][kind]["ms"] += [second * 1000 for second in said["seconds"]]
                            seen[name][kind]["cpu_ms"].append(said["cpu_s"] * 1000 / self._load.calls)
                if turn % 5 == 0:
                    _say(f"calls {turn}/{self._load.turns}")
        return seen

    async def memory(self) -> dict[str, list[tuple[int, float]]]:
        """(calls, MB of resident memory) along many calls, half of them streamed, after a warm-up."""
        seen: dict[str, list[tuple[int, float]]] = {}
        for name in self._pythons:
            calls = self._load.memory_calls if name in {OURS, FLOOR} else self._load.memory_calls // 10
            step = calls // 20
            async with self._side(name) as side:
                await self._both(side, calls // 10)
                seen[name] = [(0, side.rss_mb)]
                for made in range(step, calls + 1, step):
                    await self._both(side, step)
                    seen[name].append((made, side.rss_mb))
            _say(f"memory {name}: {seen[name][0][1]:.1f} MB -> {seen[name][-1][1]:.1f} MB")
        return seen

    async def _both(self, side: Side, calls: int) -> None:
        for kind in (PLAIN, STREAM):
            await side.ask(kind, calls // 2)


async def install(name: str, requirement: str) -> str | None:
    """The Python of a peer's environment, made where there is none; None where it cannot be installed."""
    folder = platformdirs.user_cache_path("beastmode") / "benchmarks" / name
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    python, done = str(binaries / "python"), folder / "installed"
    if done.exists():
        return python
    _say(f"Installing {requirement} into {folder}")
    for command in (
        (sys.executable, "-m", "venv", str(folder)),
        (python, "-m", "pip", "install", "-q", "--disable-pip-version-check", requirement),
    ):
        process = await asyncio.create_subprocess_exec(*command, stdout=sys.stderr)
        try:
            async with asyncio.timeout(INSTALL_LIMIT_S):
                failed = await process.wait()
        except TimeoutError:
            process.kill()
            failed = await process.wait()
        if failed:
            _say(f"{requirement} cannot be installed, and is left out")
            return None
    done.touch()
    return python


async def measure(amount: Load, peers: list[str]) -> dict[str, Any]:
    """Everything, as it goes into the JSON file."""
    OUT.mkdir(exist_ok=True)
    pythons = {FLOOR: sys.executable, OURS: sys.executable}
    for name in peers:
        if python := await install(name, PEERS[name]):
            pythons[name] = python
    with TemporaryDirectory() as home, (OUT / "router.log").open("wb") as log:
        async with Upstream() as upstream:
            await register(Path(home), upstream.url)
            bench = Bench(pythons, upstream, home, amount, log)
            return {
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                f"Python {platform.python_version()}",
                "load": asdict(amount),
                "busy": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
                "left_out": [name for name in peers if name not in pythons],
                "starts": await bench.starts(),
                "calls": await bench.calls(),
                "memory": await bench.memory(),
            }


def rows(seen: dict[str, Any]) -> Iterator[list[str]]:
    """The table: a head, and a line for each side."""
    yield [
        *("", "Plain, ms: p50 / p95", "Added", "CPU"),
        *("Streamed, ms: p50 / p95", "Added", "CPU"),
        *("Import and set-up, s", "First answer, s", "Memory, MB (gained)"),
    ]
    for name, calls in seen["calls"].items():
        cells = [NAMES[name]]
        for kind in (PLAIN, STREAM):
            times = calls[kind]["ms"]
            added = "" if name == FLOOR else f"{_added(seen, name, kind):+.2f}"
            p50, p95 = f"{median(times):.2f}", f"{quantiles(times, n=20)[-1]:.2f}"
            cells += [f"{p50} / {p95}", added, f"{median(calls[kind]['cpu_ms']):.2f}"]
        cells += [f"{median(seen['starts'][name][key]):.2f}" for key in ("ready", "answered")]
        first, last = seen["memory"][name][0][1], seen["memory"][name][-1][1]
        yield [*cells, f"{last:.0f} ({last - first:+.1f})"]


def targets(seen: dict[str, Any]) -> Iterator[Target]:
    """What was promised of ours."""
    for kind in (PLAIN, STREAM):
        added = _added(seen, OURS, kind)
        promise = f"{kind}: at most {ADDED_LIMIT_MS} ms above aiohttp alone"
        yield Target(promise, f"{added:+.2f} ms", added <= ADDED_LIMIT_MS)
    for name in seen["calls"]:
        if name in {OURS, FLOOR} or name in IN_RUST:
            continue
        for kind in (PLAIN, STREAM):
            ours, theirs = (median(seen["calls"][side][kind]["cpu_ms"]) for side in (OURS, name))
            yield Target(f"{kind}: less CPU than {NAMES[name]}", f"{ours / theirs:.2f} of it", ours < theirs)
    ready = median(seen["starts"][OURS]["ready"])
    yield Target(f"import and set-up in {READY_LIMIT_S} s", f"{ready:.3f} s", ready <= READY_LIMIT_S)
    memory = seen["memory"][OURS]
    gained = memory[-1][1] - memory[0][1]
    yield Target(
        f"at most {MEMORY_LIMIT_MB:.0f} MB more after {memory[-1][0]:,} calls",
        f"{gained:+.1f} MB",
        gained <= MEMORY_LIMIT_MB,
    )


def table(cells: list[list[str]]) -> str:
    """The rows as Markdown."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _added(seen: dict[str, Any], name: str, kind: str) -> float:
    ours, floor = (median(seen["calls"][side][kind]["ms"]) for side in (name, FLOOR))
    return ours - floor


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Our router beside other clients.")
    parser.add_argument("--quick", action="store_true", help="a tenth of it, to see that it works")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="beside aiohttp; all of them")
    options = parser.parse_args()
    amount = Load(2, 5, 20, 1000) if options.quick else Load(5, 30, 20, 10_000)
    seen = asyncio.run(measure(amount, options.peers))
    seen["targets"] = [asdict(target) for target in targets(seen)]
    (OUT / "router.json").write_text(json.dumps(seen, indent=1), encoding="utf-8")
    sys.stdout.write(f"{seen['machine']}, load {seen['busy']:.1f}\n\n{table(list(rows(seen)))}\n\n")
    for target in targets(seen):
        sys.stdout.write(f"{'reached' if target.reached else 'MISSED'}: {target.promise}: {target.seen}\n")
    for name in seen["left_out"]:
        sys.stdout.write(f"left out: {NAMES[name]} cannot be installed here\n")


if __name__ == "__main__":
    main()
