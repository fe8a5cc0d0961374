"""Our language server beside a bare one, in one run and in turns: start, suggestion, memory. `make bench` runs it.

See docs/benchmarks.md for what the figures mean. A table goes to standard output, all of it as JSON to out/lsp.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from editor import Server, Typist
from upstream import TEXT, Upstream

from beastmode.app import App
from beastmode.registry.registration import parse
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
OUT = HERE / "out"
OURS, BARE = "ours", "bare"
SMALL, LARGE = 500, 10_000

START_LIMIT = 1.25
OVERHEAD_LIMIT_MS = 2.0
SIZE_LIMIT = 1.3
MEMORY_LIMIT_MB = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured: fresh starts, keystrokes for each server and file, in turns of so many, and for memory."""

    starts: int
    keys: int
    turn: int
    memory_keys: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    measure: str
    ours: str
    bare: str
    wanted: str = ""
    reached: bool | None = None


def source(lines: int) -> str:
    """A Python file of that many lines; no two of its functions are alike."""

    def written() -> Iterator[str]:
        for number in range(lines // 5):
            yield f"def step_{number}(values, weights):"
            yield f'    """Step {number} of the sum."""'
            yield f"    total = {number} + len(values)"
            yield f"    return sum(value * {number} for value in weights) + total"
            yield ""

    return "\n".join(written())


class Bench:
    """The two servers and what is measured of them.

    Args:
        commands: how to start each.
        environment: for both.
        upstream: the model that both ask.
        load: how much.
        log: where the servers' standard error goes.
    """

    def __init__(
        self,
        commands: Mapping[str, list[str]],
        environment: Mapping[str, str],
        upstream: Upstream,
        load: Load,
        log: BinaryIO,
    ) -> None:
        self._commands, self._environment, self._upstream = commands, environment, upstream
        self._load, self._log = load, log

    def _server(self, name: str) -> Server:
        return Server(self._commands[name], self._environment, self._log)

    async def starts(self) -> dict[str, dict[str, list[float]]]:
        """Seconds to the answer to `initialize` and to the first suggestion, for each of several fresh starts."""
        seen: dict[str, dict[str, list[float]]] = {name: {"initialize": [], "first": []} for name in self._commands}
        for turn in range(self._load.starts + 1):
            for name in self._commands if turn % 2 else reversed(self._commands):
                async with self._server(name) as server:
                    initialize = await server.initialize()
                    first = await Typist(server, "file:///bench/start.py", source(SMALL)).first_suggestion()
                    if turn:  # the first start compiles modules and fills the file cache
                        seen[name]["initialize"].append(initialize)
                        seen[name]["first"].append(first)
                _say(f"start {turn}/{self._load.starts} {name}: {initialize:.3f} s, {first:.3f} s")
        return seen

    async def typing(self) -> dict[str, dict[str, dict[str, list[float]]]]:
        """Milliseconds from a keystroke to its suggestion: against the grain of the last suggestion, and along it."""
        seen = {
            kind: {name: {str(size): [] for size in (SMALL, LARGE)} for name in self._commands}
            for kind in ("asked", "typed_through", "cpu")
        }
        async with AsyncExitStack() as stack:
            servers = {name: await stack.enter_async_context(self._server(name)) for name in self._commands}
            typists = {}
            for name, server in servers.items():
                await server.initialize()
                for size in (SMALL, LARGE):
                    typists[name, size] = Typist(server, f"file:///bench/f{size}.py", source(size))
                    await typists[name, size].first_suggestion()
            turns = self._load.keys // self._load.turn
            for turn in range(turns + 1):
                for (name, size), typist in typists.items():
                    before = servers[name].cpu_s
                    asked = [await self._asked(typist) for _ in range(self._load.turn)]
                    cpu = (servers[name].cpu_s - before) / self._load.turn
                    typed = await self._typed_through(typist)
                    if turn:
                        seen["asked"][name][str(size)] += [second * 1000 for second in asked]
                        seen["typed_through"][name][str(size)] += [second * 1000 for second in typed]
                        seen["cpu"][name][str(size)].append(cpu * 1000)
        return seen

    async def _asked(self, typist: Typist) -> float:
        calls = self._upstream.calls
        seconds, suggestion = await typist.press()
        if not suggestion or self._upstream.calls == calls:  # it may also have been asked ahead
            raise RuntimeError(f"A keystroke gave {suggestion!r} and {self._upstream.calls - calls} calls")
        return seconds

    async def _typed_through(self, typist: Typist) -> list[float]:
        """Type what was suggested, all but its last character."""
        typist.next_line()
        await typist.press()
        return [(await typist.press(character))[0] for character in TEXT[:-1]]

    async def memory(self) -> dict[str, list[tuple[int, float]]]:
        """(keystrokes, MB of resident memory) along a long time of typing, after a warm-up."""
        seen: dict[str, list[tuple[int, float]]] = {}
        for name in self._commands:
            async with self._server(name) as server:
                await server.initialize()
                typist = Typist(server, "file:///bench/long.py", source(SMALL))
                await typist.first_suggestion()
                for _ in range(min(500, self._load.memory_keys)):
                    await typist.press()
                seen[name] = [(0, server.rss_mb)]
                step = max(1, self._load.memory_keys // 20)
                for pressed in range(1, self._load.memory_keys + 1):
                    await self._asked(typist)
                    if pressed % step == 0:
                        seen[name].append((pressed, server.rss_mb))
                _say(f"memory {name}: {seen[name][0][1]:.1f} MB -> {seen[name][-1][1]:.1f} MB; {server.heard}")
        return seen


async def register(home: Path, url: str, fim_format: str = "openai-completions") -> None:
    """Make a home that has been used before, with the loopback model selected."""
    provider = "llama.cpp" if fim_format == "llama-infill" else "openai-compatible"
    settings, _ = load({"BEASTMODE_HOME": str(home)})
    app = await App.open(settings)
    try:
        model, _ = parse({"model_name": "Zero", "model_id": "zero", "endpoint_url": url, "provider": provider})
        await app.registry.add(replace(model, fim_format=fim_format, chat_format="openai-chat"), None)
        await app.registry.select(model.id)
        await app.settle()  # what the first session of all does once: it loads a price list
    finally:
        await app.close()


async def measure(amount: Load) -> dict[str, object]:
    """Everything, as it goes into the JSON file."""
    OUT.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, (OUT / "stderr.log").open("wb") as log:
        async with Upstream() as upstream:
            await register(Path(folder), upstream.url)
            commands = {
                OURS: [sys.executable, "-m", "beastmode", "lsp"],
                BARE: [sys.executable, str(HERE / "bare_server.py"), upstream.url],
            }
            environment = {"BEASTMODE_HOME": folder, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            bench = Bench(commands, environment, upstream, amount, log)
            machine = (
                f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
            )
            return {
                "machine": machine,
                "load": asdict(amount),
                "busy": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
                "starts": await bench.starts(),
                "typing": await bench.typing(),
                "memory": await bench.memory(),
            }


def rows(seen: dict) -> Iterator[Row]:
    """The table: medians side by side, and what was promised of them."""
    for key, title in (("initialize", "Start to `initialize` answered"), ("first", "Start to the first suggestion")):
        ours, bare = (median(seen["starts"][name][key]) for name in (OURS, BARE))
        ratio = ours / bare
        wanted = f"{ratio:.2f}x, at most {START_LIMIT}x"
        yield Row(title, f"{ours:.3f} s", f"{bare:.3f} s", wanted, ratio <= START_LIMIT)
    asked = seen["typing"]["asked"]
    for size in (SMALL, LARGE):
        ours, bare = (median(asked[name][str(size)]) for name in (OURS, BARE))
        added = ours - bare
        wanted = f"{added:+.2f} ms, at most +{OVERHEAD_LIMIT_MS}" if size == SMALL else f"{added:+.2f} ms"
        reached = added <= OVERHEAD_LIMIT_MS if size == SMALL else None
        yield Row(f"Keystroke to suggestion, {size:,} lines, p50", f"{ours:.2f} ms", f"{bare:.2f} ms", wanted, reached)
        ours, bare = (_p95(asked[name][str(size)]) for name in (OURS, BARE))
        yield Row(f"Keystroke to suggestion, {size:,} lines, p95", f"{ours:.2f} ms", f"{bare:.2f} ms")
    growth = {name: median(asked[name][str(LARGE)]) / median(asked[name][str(SMALL)]) for name in (OURS, BARE)}
    wanted = f"at most {SIZE_LIMIT}x"
    title = f"{LARGE:,} lines beside {SMALL}"
    yield Row(title, f"{growth[OURS]:.2f}x", f"{growth[BARE]:.2f}x", wanted, growth[OURS] <= SIZE_LIMIT)
    for size in (SMALL, LARGE):
        ours, bare = (median(seen["typing"]["typed_through"][name][str(size)]) for name in (OURS, BARE))
        yield Row(f"Typing what was suggested, {size:,} lines, p50", f"{ours:.2f} ms", f"{bare:.2f} ms")
    # The system counts processor time in hundredths of a second, so only the sum of many keystrokes says something.
    ours, bare = (fmean(seen["typing"]["cpu"][name][str(SMALL)]) for name in (OURS, BARE))
    yield Row(f"Processor time a keystroke, {SMALL} lines", f"{ours:.2f} ms", f"{bare:.2f} ms")
    gained = {name: seen["memory"][name][-1][1] - seen["memory"][name][0][1] for name in (OURS, BARE)}
    keys = seen["memory"][OURS][-1][0]
    wanted = f"at most +{MEMORY_LIMIT_MB:.0f} MB"
    title = f"Memory after {keys:,} keystrokes more"
    shown = (f"{seen['memory'][name][-1][1]:.1f} MB ({gained[name]:+.1f})" for name in (OURS, BARE))
    yield Row(title, *shown, wanted, gained[OURS] <= MEMORY_LIMIT_MB)


def table(lines: list[Row]) -> str:
    """The rows as Markdown."""
    cells = [["Measure", "BEAST MODE", "Bare server", "Target", ""]]
    for row in lines:
        verdict = {None: "", True: "reached", False: "MISSED"}[row.reached]
        cells.append([row.measure, row.ours, row.bare, row.wanted, verdict])
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    )


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Our language server beside a bare one.")
    parser.add_argument("--quick", action="store_true", help="a tenth of it, to see that it works")
    amount = Load(2, 40, 20, 400) if parser.parse_args().quick else Load(9, 400, 20, 5000)
    seen = asyncio.run(measure(amount))
    lines = list(rows(seen))
    seen["table"] = [asdict(line) for line in lines]
    (OUT / "lsp.json").write_text(json.dumps(seen, indent=1), encoding="utf-8")
    sys.stdout.write(f"{seen['machine']}\n\n{table(lines)}\n")


if __name__ == "__main__":
    main()
