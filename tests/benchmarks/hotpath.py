"""Processor time of one request through the router and through the gateway: `python tests/benchmarks/hotpath.py`.

Wall-clock times say little on a machine that others use too; processor time still tells a third more work from none.
The model and the client are in this process, ours is in one of its own. `--beside FOLDER` measures another checkout of
the repository as well, in turns with this one; both must know the same tables. `--profile
KIND` says where the time of one kind goes instead.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import io
import json
import os
import pstats
import sys
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLAIN, STREAM = "plain", "stream"
KINDS = ("router plain", "router stream", "gateway plain", "gateway stream")
WARM_UP = 100
MOST_LINES = 45


async def _router_calls(home: str) -> AsyncGenerator[Callable[[str, int], Any]]:
    """Ours as a library: the router that the app wires."""
    from beastmode.app import App  # noqa: PLC0415 - only in the process that is measured
    from beastmode.domain.request import ChatRequest, Message  # noqa: PLC0415 - as above
    from beastmode.settings import load  # noqa: PLC0415 - as above

    app = await App.open(load({"BEASTMODE_HOME": home})[0])

    async def call(kind: str, calls: int) -> None:
        for _ in range(calls):
            asked = ChatRequest((Message("user", "Complete this code: def area(width, height):"),), max_tokens=64)
            if kind == PLAIN:
                await app.router.complete(asked)
            else:
                async with aclosing(app.router.stream(asked)) as events:
                    async for _event in events:
                        pass

    try:
        yield call
    finally:
        await app.close()


async def _gateway(home: str) -> AsyncGenerator[str]:
    """Ours as a server; where it listens."""
    from beastmode.faces.http.owner_token import FILE, OwnerToken  # noqa: PLC0415 - as above
    from beastmode.faces.http.server import Options, listening_on, opened, server_of  # noqa: PLC0415 - as above
    from beastmode.logs import lines_to  # noqa: PLC0415 - as above
    from beastmode.settings import load  # noqa: PLC0415 - as above

    settings, _ = load({"BEASTMODE_HOME": home})
    lines_to(settings.paths.log_file.with_name("access.log"), "beastmode.access")
    options = Options(port=0)
    OwnerToken(settings.paths.home / FILE).make()
    with closing(listening_on(options)) as listening:
        port = listening.getsockname()[1]
        async with opened(settings, options, port) as gateway:
            server = server_of(gateway, options)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                yield f"http://127.0.0.1:{port}/v1/chat/completions"
            finally:
                server.should_exit = True
                await serving


async def measured(what: str, home: str) -> None:
    """The process that is measured: does as standard input says, and answers with a line."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    profile = cProfile.Profile()
    async with aclosing(_router_calls(home) if what == "router" else _gateway(home)) as side:  # type: ignore[type-var]  # both are generators
        ready = await anext(side)
        print(ready if isinstance(ready, str) else "", flush=True)  # noqa: T201 - the answer
        async for line in reader:
            said, _, calls = line.decode().strip().partition(" ")
            answer: object = None
            if said == "cpu":
                answer = process_time()
            elif said == "profile":
                profile.enable()
            elif said == "told":
                profile.disable()
                text = io.StringIO()
                pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(MOST_LINES)
                answer = text.getvalue()
            else:
                await ready(said, int(calls))
            print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


@dataclass(frozen=True, slots=True)
class Side:
    """One process that is measured, of one checkout."""

    what: str
    process: asyncio.subprocess.Process
    url: str
    token: str

    async def say(self, line: str) -> Any:
        """Have it do something."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        return json.loads(await self.process.stdout.readline())

    async def ask(self, kind: str, calls: int) -> None:
        """So many calls, one after the other."""
        if self.what == "router":
            await self.say(f"{kind} {calls}")
            return
        from gateway import batch, body  # noqa: PLC0415 - needs the peers' parts
        from load_client import post  # noqa: PLC0415 - as above

        asked = post(self.url, body("default", stream=kind == STREAM), {"authorization": f"Bearer {self.token}"})
        if not all(timing.is_whole for timing in await batch(self.url, asked, calls)):
            raise RuntimeError("An answer was not whole")

    async def cost(self, kind: str, calls: int) -> float:
        """Microseconds of processor a call."""
        before = await self.say("cpu")
        await self.ask(kind, calls)
        return (await self.say("cpu") - before) / calls * 1e6


async def started(what: str, checkout: Path, home: Path, stack: AsyncExitStack) -> Side:
    """Start one of ours."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "server")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--measured", what, str(home)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=1 << 24,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stack.push_async_callback(process.wait)
    stack.callback(process.stdin.close)
    token = home / "gateway.token"
    url = (await process.stdout.readline()).decode().strip()
    return Side(what, process, url, token.read_text("utf-8").strip() if what == "gateway" else "")


async def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measured", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--beside", type=Path, nargs="*", default=[])
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--profile", choices=KINDS)
    options = parser.parse_args()
    if options.measured:
        await measured(*options.measured)
        return
    from gateway_sides import prepare  # noqa: PLC0415 - not in the process that is measured
    from upstream import Upstream  # noqa: PLC0415 - as above

    kinds = [options.profile] if options.profile else options.only
    checkouts = [ROOT, *options.beside]
    seen: dict[tuple[Path, str], list[float]] = {(each, kind): [] for kind in kinds for each in checkouts}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        upstream = await stack.enter_async_context(Upstream())
        sides: dict[tuple[Path, str], Side] = {}
        for number, checkout in enumerate(checkouts):
            for what in {kind.split()[0] for kind in kinds}:
                home = folder / f"{number}{what}"
                await prepare(home, upstream.url)
                sides[checkout, what] = await started(what, checkout, home, stack)
        for turn in range(options.turns + 1):
            for each, kind in seen if turn % 2 else reversed(seen):
                what, how = kind.split()
                side = sides[each, what]
                if turn == 1 and options.profile:
                    await side.say("profile")
                cost = await side.cost(how, options.calls if turn else WARM_UP)
                if turn:
                    seen[each, kind].append(cost)
        if options.profile:
            print(await sides[ROOT, kinds[0].split()[0]].say("told"))  # noqa: T201 - what it is for
            return
    lines = [["Microseconds a request: median (least)", *map(str, checkouts)], ["---"] * (len(checkouts) + 1)]
    lines += [
        [kind, *(f"{median(seen[each, kind]):.0f} ({min(seen[each, kind]):.0f})" for each in checkouts)]
        for kind in kinds
    ]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:3] == ["--measured", "gateway"]:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    else:
        asyncio.run(main())
