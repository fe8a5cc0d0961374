"""Our completion beside tabby-agent's, typing a real file with one loopback model behind both. `make bench-completion`.

docs/benchmarks.md says what is measured and what the figures mean. Tables go to standard output as Markdown, every key
and every request as JSON to out/completion.json; `--from-file` makes the tables again from there.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from completion_tables import SIZES, report
from continuing_model import MIXED, RIGHT, WRONG
from editor import Server, notification
from keyboard import Keyboard, Page, pace
from systems import (
    OURS_AT_ONCE,
    TABBY_AT_ONCE,
    TABBY_SHIPPED,
    Model,
    System,
    cpu_s,
    machine,
    quiet,
    rss_mb,
    say,
    systems,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from typing import BinaryIO

    from keyboard import Key

OUT = Path(__file__).parent / "out"
DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- made by tests/benchmarks/completion.py --write -->", "<!-- end -->"
HUMAN_SIZE = 10_000
MODELS = {"0 ms": (0.0, 0.0), "150 ms": (0.15, 0.005), "talking": (0.0, 0.02)}
"""Seconds to the first token and from token to token. The last talks all the time, so that stopping it is seen."""
SEED = 4
BURST_KEYS, BURST_GAP_S = 40, 0.015
FIRST_LIMIT_S = 30.0
ASKED, TYPED, HUMAN, BURST = "asked", "typed", "human", "burst"


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured.

    Attributes:
        asked, typed, slow: turns of ten keys of each system: new suggestions, typing along, and a model of 150 ms.
        human_keys: keys at human pace.
        bursts: of each system, model and size.
        growth: turns of ten keys of each size.
    """

    asked: int
    typed: int
    slow: int
    human_keys: int
    bursts: int
    growth: int


FULL, QUICK = Load(15, 6, 3, 70, 2, 12), Load(3, 2, 1, 15, 1, 3)
TURN, WARM_UP = 10, 3
"""Keys of a turn, and of the one before the first, which does not count."""


@dataclass(frozen=True, slots=True)
class Take:
    """What one system did in one turn of one scenario.

    Attributes:
        keys: what was pressed and what came of it.
        requests: what reached the model, as continuing_model.py records it.
        cpu_s: processor time of the system until it was idle again.
    """

    system: str
    lines: int
    scenario: str
    model: str
    keys: list[Key]
    requests: list[dict[str, Any]]
    cpu_s: float


@dataclass(slots=True)
class Desk:
    """A running system with its page open, and the memory it took for that, in MB."""

    system: System
    server: Server
    keyboard: Keyboard
    opened_mb: float


class Bench:
    """All systems, and what they are put through.

    Args:
        systems: what to compare.
        model: what all of them ask.
        load: how much.
        folder: the workspace.
        log: where the systems' standard error goes.
    """

    def __init__(self, found: list[System], model: Model, load: Load, folder: Path, log: BinaryIO) -> None:
        self._systems, self._model, self._load, self._folder, self._log = found, model, load, folder, log
        self._began = perf_counter()
        self.takes: list[Take] = []
        self.memory: list[dict[str, Any]] = []

    async def run(self, lines: int) -> None:
        """Everything, on a file of that size."""
        page = Page(lines)
        path = self._folder / f"typed_{lines}.py"
        path.write_text(page.text, encoding="utf-8")
        await self._model.tell(before=page.before, passage=page.passage, mode=WRONG, first_s=0.0, token_s=0.0)
        async with AsyncExitStack() as stack:
            desks = [await self._desk(stack, system, page, path) for system in self._systems]
            # By model, as delays follow its latency.
            for model in MODELS:
                if model != "talking":
                    await self._serial(desks, lines, ASKED, model)
                if model == "0 ms":
                    await self._serial(desks, lines, TYPED, model)
                if lines == HUMAN_SIZE and model != "talking":
                    await self._paced(desks, lines, HUMAN, model)
                if lines == HUMAN_SIZE or model == "150 ms":
                    await self._paced(desks, lines, BURST, model)
            for desk in desks:
                start, end = desk.opened_mb, rss_mb(desk.server.pid)
                self.memory.append({"system": desk.system.name, "lines": lines, "start_mb": start, "end_mb": end})

    async def growth(self, sizes: list[int]) -> None:
        """Ours without its delay on files of all sizes in turns, within one server: what a key costs in each."""
        system = next(system for system in self._systems if system.name == OURS_AT_ONCE)
        pages = {lines: Page(lines) for lines in sizes}
        async with Server(system.command, system.environment, self._log) as server:
            await self._greet(server)
            desks = {}
            for lines, page in pages.items():
                keyboard = Keyboard(server, system.method, page, (self._folder / f"grown_{lines}.py").as_uri())
                desks[lines] = Desk(system, server, keyboard, rss_mb(server.pid))
                await self._first(keyboard)
            await quiet(server.pid)
            for turn in range(self._load.growth + 1):
                for scenario in (ASKED, TYPED):
                    for lines in sizes if turn % 2 else reversed(sizes):
                        page, desk = pages[lines], desks[lines]
                        mode = RIGHT if scenario == TYPED else WRONG
                        await self._model.tell(
                            before=page.before, passage=page.passage, mode=mode, first_s=0.0, token_s=0.0
                        )
                        typing = desk.keyboard.serial(TURN)
                        await self._take(desk, lines, f"growth, {scenario}", "0 ms", typing, kept=turn > 0)
                        desk.keyboard.move_on(1 if scenario == ASKED else 4)
        say(f"{perf_counter() - self._began:.0f} s: growth with the file")

    async def _desk(self, stack: AsyncExitStack, system: System, page: Page, path: Path) -> Desk:
        server = await stack.enter_async_context(Server(system.command, system.environment, self._log))
        await self._greet(server)
        keyboard = Keyboard(server, system.method, page, path.as_uri())
        await self._first(keyboard)
        await quiet(server.pid)
        return Desk(system, server, keyboard, rss_mb(server.pid))

    async def _greet(self, server: Server) -> None:
        await server.initialize(self._folder.as_uri())
        server.send(notification("initialized", {}))

    async def _first(self, keyboard: Keyboard) -> None:
        async with asyncio.timeout(FIRST_LIMIT_S):
            while not (await keyboard.ask()).suggestion:
                await asyncio.sleep(0.05)

    async def _serial(self, desks: list[Desk], lines: int, scenario: str, model: str) -> None:
        """Turns of keys, each pressed when the one before has been answered."""
        first_s, token_s = MODELS[model]
        await self._model.tell(mode=RIGHT if scenario == TYPED else WRONG, first_s=first_s, token_s=token_s)
        turns = {desk.system.name: self._turns(desk.system.name, lines, scenario, model) for desk in desks}
        for turn in range(max(turns.values()) + 1):
            for desk in desks if turn % 2 else reversed(desks):
                if turn <= turns[desk.system.name] > 0:
                    typing = desk.keyboard.serial(TURN if turn else WARM_UP)
                    await self._take(desk, lines, scenario, model, typing, kept=turn > 0)
        self._done(desks, lines, scenario, model)

    def _turns(self, name: str, lines: int, scenario: str, model: str) -> int:
        """Turns of a system: few where a key takes it half a second, so that all of it stays under six minutes."""
        is_plain = scenario == ASKED and model == "0 ms"
        if name == TABBY_SHIPPED:  # it waits
            return int(is_plain and lines <= HUMAN_SIZE)
        if name == TABBY_AT_ONCE and lines > HUMAN_SIZE:
            return int(model == "0 ms")
        return self._load.typed if scenario == TYPED else self._load.asked if is_plain else self._load.slow

    async def _paced(self, desks: list[Desk], lines: int, scenario: str, model: str) -> None:
        first_s, token_s = MODELS[model]
        await self._model.tell(mode=MIXED if scenario == HUMAN else WRONG, first_s=first_s, token_s=token_s)
        for turn in range(1 if scenario == HUMAN else self._load.bursts):
            for desk in desks if turn % 2 else reversed(desks):
                if lines > HUMAN_SIZE and (turn > 0 or desk.system.name == TABBY_SHIPPED):
                    continue  # a burst takes tabby-agent ten seconds here
                gaps: Iterator[float] = pace(SEED) if scenario == HUMAN else itertools.repeat(BURST_GAP_S)
                count = self._load.human_keys if scenario == HUMAN else BURST_KEYS
                await self._take(desk, lines, scenario, model, desk.keyboard.paced(count, gaps), kept=True)
        self._done(desks, lines, scenario, model)

    def _done(self, desks: list[Desk], lines: int, scenario: str, model: str) -> None:
        for desk in desks:  # what was suggested so far must not serve what comes
            desk.keyboard.move_on()
        say(f"{perf_counter() - self._began:.0f} s: {lines:,} lines, {scenario}, {model}")

    async def _take(
        self, desk: Desk, lines: int, scenario: str, model: str, typing: Awaitable[list[Key]], *, kept: bool
    ) -> None:
        await self._requests(desk)
        before = cpu_s(desk.server.pid)
        keys = await typing
        requests = await self._requests(desk)
        if scenario in {HUMAN, BURST}:
            await quiet(desk.server.pid)
            requests += await self._requests(desk)
        if kept:
            spent = cpu_s(desk.server.pid) - before
            self.takes.append(Take(desk.system.name, lines, scenario, model, keys, requests, spent))

    async def _requests(self, desk: Desk) -> list[dict[str, Any]]:
        """What this system asked since anything was looked at, all of it ended."""
        seen: dict[float, dict[str, Any]] = {}
        until = perf_counter() + 5.0
        while True:
            for request in await self._model.tell():
                if request["client"] == desk.system.client:
                    seen[request["received"]] = request
            if all(request["ended"] is not None for request in seen.values()) or perf_counter() > until:
                return list(seen.values())
            await asyncio.sleep(0.01)


async def measure(load: Load, sizes: list[int], fim_format: str, *, peer: bool) -> dict[str, Any]:
    """Everything, as it goes into the JSON file."""
    OUT.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, (OUT / "completion.log").open("wb") as log:
        async with Model(log) as model:
            found = await systems(Path(folder), model.url, fim_format, peer=peer)
            workspace = Path(folder, "workspace")
            workspace.mkdir()
            bench = Bench(found, model, load, workspace, log)
            where, began = machine(), perf_counter()
            for lines in sizes:
                await bench.run(lines)
            await bench.growth(sizes)
            return {
                "machine": where,
                "seconds": perf_counter() - began,
                "format": fim_format,
                "takes": [asdict(take) for take in bench.takes],
                "memory": bench.memory,
            }


def main() -> None:
    """Measure, keep, print."""
    parser = argparse.ArgumentParser(description="Our completion beside tabby-agent's.")
    parser.add_argument("--quick", action="store_true", help="a rough look")
    parser.add_argument("--alone", action="store_true", help="without tabby-agent")
    parser.add_argument("--sizes", nargs="*", type=int, choices=SIZES, default=list(SIZES), help="lines of the files")
    parser.add_argument("--format", choices=("openai-completions", "llama-infill"), default="openai-completions")
    parser.add_argument("--from-file", action="store_true", help="only make the tables again, from the last run")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    file = OUT / "completion.json"
    if not options.from_file:
        load = QUICK if options.quick else FULL
        seen = asyncio.run(measure(load, options.sizes, options.format, peer=not options.alone))
        file.write_text(json.dumps(seen), encoding="utf-8")
    tables = report(json.loads(file.read_text(encoding="utf-8")))
    sys.stdout.write(tables)
    if options.write:
        above, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
        DOCS.write_text(f"{above}{BEGIN}\n\n{tables}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
