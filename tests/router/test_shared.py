"""Processes of one user that share a router while a gateway runs: over real sockets, in one process."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import pytest

from beastmode.domain.errors import Unreachable
from beastmode.domain.model import ModelSpec
from beastmode.domain.routing import Outcome
from beastmode.router import line as line_module
from beastmode.router import wiring
from beastmode.router.breaker import FAILURES_IN_A_ROW
from beastmode.router.hub import Hub
from beastmode.router.line import Line
from beastmode.router.shared import SharedBreakers, SharedRooms

URL = "http://127.0.0.1:8080/v1"
MODEL = ModelSpec("custom:m", "M", "vllm", URL, "m", "c", "f", max_concurrent=1)
DOWN = Unreachable("http://127.0.0.1:8080 refused the connection")


@dataclass
class Process:
    """What one process has of the router, and its line."""

    breakers: SharedBreakers
    rooms: SharedRooms
    line: Line

    def fails(self, times: int = FAILURES_IN_A_ROW) -> None:
        for _ in range(times):
            self.breakers.end(MODEL.id, Outcome.FAILED, DOWN)

    @property
    def rests(self) -> bool:
        return self.breakers.resting(MODEL.id) is not None


def process(folder: Path) -> Process:
    breakers, rooms = SharedBreakers(monotonic), SharedRooms()
    return Process(breakers, rooms, Line(folder, breakers, rooms))


@pytest.fixture(params=["a socket", "a port and a secret"])
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the hub listens, by both ways; short, for a socket's path must be."""
    if request.param != "a socket":
        monkeypatch.setattr(wiring, "LONGEST_SOCKET_PATH", 0)
    with TemporaryDirectory(prefix="bm") as name:
        yield Path(name)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def sharing(folder: Path, count: int) -> AsyncIterator[tuple[Process, Hub, list[Process]]]:
    """A gateway and its hub, and so many processes with an open line to it."""
    gateway = process(folder)
    hub = await Hub.open(folder, gateway.breakers, gateway.rooms)
    others = [process(folder) for _ in range(count)]
    for each in others:
        each.line.look()
    await until(lambda: all(each.line.is_open for each in others) and hub.members == count)
    try:
        yield gateway, hub, others
    finally:
        for each in others:
            await each.line.aclose()
        await hub.aclose()


async def test_what_one_process_learns_of_a_model_all_know(folder: Path) -> None:
    """A breaker that opens in one window is open in the others and in the gateway; and so when it closes."""
    async with sharing(folder, 2) as (gateway, _, (one, other)):
        one.fails()
        await until(lambda: gateway.rests and other.rests)
        assert other.breakers.resting(MODEL.id) is not None
        assert other.breakers.resting(MODEL.id)[1] == DOWN.message  # type: ignore[index]
        other.breakers.end(MODEL.id, Outcome.OK, None)
        await until(lambda: not gateway.rests and not one.rests)


async def test_failures_add_up_over_processes(folder: Path) -> None:
    """One in each of three windows is as many in a row as three in one."""
    async with sharing(folder, 3) as (gateway, _, processes):
        for number, each in enumerate(processes, 1):
            each.fails(1)
            state = gateway.breakers.state
            await until(lambda: (found := state(MODEL.id)) is not None and found.failures == number)  # noqa: B023 - awaited here
            await until(lambda: all(p.breakers.states() for p in processes))
        await until(lambda: gateway.rests and all(each.rests for each in processes))


async def test_who_comes_later_learns_what_was_before(folder: Path) -> None:
    """And tells what it knows itself."""
    async with sharing(folder, 1) as (gateway, _, (one,)):
        one.fails()
        await until(lambda: gateway.rests)
        late = process(folder)
        late.breakers.end("custom:other", Outcome.FAILED, DOWN)
        late.line.look()
        await until(lambda: late.rests)
        await until(lambda: "custom:other" in one.breakers.states())
        await late.line.aclose()


async def test_what_was_learnt_stays_when_the_gateway_goes(folder: Path) -> None:
    """And a new one is found."""
    async with sharing(folder, 2) as (_, hub, (one, other)):
        one.fails()
        await until(lambda: other.rests)
        await hub.aclose()
        await until(lambda: not one.line.is_open and not other.line.is_open)
        assert one.rests
        assert other.rests
        assert not wiring.is_there(folder)
        next_ = process(folder)
        again = await Hub.open(folder, next_.breakers, next_.rooms)
        one.line.look()
        await until(lambda: next_.rests)
        await one.line.aclose()
        await again.aclose()


async def test_an_endpoint_has_as_many_places_as_it_has_for_all_together(folder: Path) -> None:
    """Of three processes and the gateway, one at a time; nobody is forgotten."""
    async with sharing(folder, 3) as (gateway, _, processes):
        inside = most = done = 0

        async def asks(who: Process) -> None:
            nonlocal inside, most, done
            for _ in range(5):
                async with who.rooms.place(MODEL, URL):
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1
                    done += 1

        async with asyncio.timeout(10):
            await asyncio.gather(*(asks(each) for each in (gateway, *processes) for _ in range(2)))
    assert (most, done) == (1, 40)


async def test_who_is_cancelled_while_it_waits_gives_its_turn_away(folder: Path) -> None:
    """The next one gets it."""
    async with sharing(folder, 2) as (gateway, _, (one, other)):
        room = gateway.rooms.room("http://127.0.0.1:8080", 1)
        async with gateway.rooms.place(MODEL, URL):
            waiting = asyncio.ensure_future(one.rooms.place(MODEL, URL).__aenter__())
            await until(lambda: bool(room._waiters))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5), other.rooms.place(MODEL, URL):
            pass


async def test_whoever_holds_a_place_and_dies_leaves_it(folder: Path) -> None:
    """A window that is killed blocks nobody."""
    async with sharing(folder, 2) as (_, _, (one, other)):
        await one.rooms.place(MODEL, URL).__aenter__()
        await one.line.aclose()
        async with asyncio.timeout(5), other.rooms.place(MODEL, URL):
            pass


async def test_no_request_fails_when_the_gateway_goes(folder: Path) -> None:
    """Whoever waits for a place then has one at once, and works alone from then on."""
    async with sharing(folder, 1) as (gateway, hub, (one,)), gateway.rooms.place(MODEL, URL):
        waiting = asyncio.ensure_future(one.rooms.place(MODEL, URL).__aenter__())
        room = gateway.rooms.room("http://127.0.0.1:8080", 1)
        await until(lambda: bool(room._waiters))
        for member in hub._members:
            member.close()
        async with asyncio.timeout(5):
            await waiting
        assert not one.line.is_open


async def test_a_gateway_that_hangs_stops_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that falls silent is left after a quarter of a second; one that never says a word is never asked."""
    monkeypatch.setattr(line_module, "DEAF_S", 0.02)
    says: list[bytes] = [wiring.encoded({"states": {}})]
    met = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        for each in says:
            writer.write(each)
        await reader.read()  # and never answers
        writer.close()

    server, _ = await wiring.listen(folder, silent)
    one = process(folder)
    one.line.look()
    await until(lambda: one.line.is_open)
    async with asyncio.timeout(5), one.rooms.place(MODEL, URL):
        assert not one.line.is_open
    says.clear()
    met.clear()
    await one.line.aclose()
    one.line.look()
    await met.wait()
    assert not one.line.is_open
    async with asyncio.timeout(0.5), one.rooms.place(MODEL, URL):
        pass
    await one.line.aclose()
    server.close()


async def test_where_no_gateway_runs_nothing_is_waited_for(folder: Path) -> None:
    """No line, no task, no file: a place is taken here and nowhere else."""
    alone = process(folder)
    alone.line.look()
    assert alone.line._task is None
    assert alone.rooms.others is None
    (folder / wiring.SOCKET).touch()  # left behind by one that was killed
    alone.line.look()
    await until(lambda: alone.line._task is None)
    assert not alone.line.is_open
    assert not await wiring.is_hosted(folder)


async def test_only_this_user_is_let_in(folder: Path) -> None:
    """By the rights of the file; and over a port, nobody who does not know the secret."""
    async with sharing(folder, 1) as (_, hub, _):
        (file,) = (each for each in folder.iterdir())
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600  # noqa: PTH116 - a socket, too
        if file.name == wiring.SOCKET:
            return
        port = hub._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        for said in (b"", b'{"states":{}}\n', b'{"prove":"x"}\n{"proof":"00"}\n', b'{"prove":7}\n', b"\xff\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            writer.write_eof()
            assert b"states" not in await reader.read()
            writer.close()
        assert hub.members == 1


@pytest.mark.parametrize(
    "said",
    [
        b"nothing\n",
        b"[]\n",
        b'{"take":1}\n',
        b'{"take":1,"origin":"x","places":0}\n',
        b'{"breaker":"m","state":[1]}\n',
        b'{"breaker":"m","state":{"a":1}}\n',
        b'{"states":{"m":"x"}}\n',
        b"x" * 200_000,
    ],
)
async def test_what_nobody_understands_ends_that_line_alone(folder: Path, said: bytes) -> None:
    """The hub and everybody else go on."""
    async with sharing(folder, 1) as (gateway, hub, (one,)):
        reader, writer = await wiring.connect(folder)
        writer.write(said)
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
        await until(lambda: hub.members == 1)
        one.fails()
        await until(lambda: gateway.rests)
