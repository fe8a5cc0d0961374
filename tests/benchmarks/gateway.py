"""The gateway beside other gateways, all in front of one loopback model. `make bench-gateway` runs it.

Every gateway runs alone, its batches in turns with batches that go to the model directly, so that a busy machine slows
both; what counts is the difference. Ours has its ledger, tokens, breaker and access log on. A table goes to standard
output, all of it as JSON to out/gateway.json; docs/benchmarks.md says what the figures mean.
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
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import psutil
from gateway_sides import BARE, OURS, SIDES, Running, started
from load_client import connect, post
from upstream import CHAT_PIECES, Upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from load_client import Timing

OUT = Path(__file__).parent / "out"
MARK, END = CHAT_PIECES[0].strip().encode(), CHAT_PIECES[-1].strip().encode()
MANY = 32
LEFT_LIMIT_S = 2.0
ADDED_LIMIT_MS, TTFT_LIMIT_MS, START_LIMIT_S, MEMORY_LIMIT_MB = 0.9, 1.0, 1.2, 90.0
SHARE_OF_BARE, TIMES_PORTKEY = 0.4, 1.5


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured: turns, calls in a turn, seconds of full load, calls for memory, fresh starts."""

    turns: int
    calls: int
    full_s: float
    memory_calls: int
    starts: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one gateway came to; times in milliseconds but the start."""

    name: str
    start_s: float
    added_ms: float
    added_p95_ms: float
    ttft_added_ms: float
    stream_added_ms: float
    cpu_ms: float
    per_second: float
    direct_per_second: float
    memory_mb: float
    memory_after_mb: float
    memory_calls: int
    cancels_stream: bool
    cancels_plain: bool
    broken: int


def body(model: str, *, stream: bool, word: str = "add") -> bytes:
    """A request of a usual size."""
    text = f"Complete this code, and {word} nothing else: def f(a, b):"
    asked = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 64}
    return json.dumps(asked | ({"stream": True} if stream else {})).encode()


async def batch(url: str, request: bytes, calls: int) -> list[Timing]:
    """So many calls, one after the other, on one connection."""
    client = await connect(url, MARK, END)
    try:
        return [await client.ask(request) for _ in range(calls)]
    finally:
        client.transport.close()


async def full(url: str, request: bytes, *, seconds: float = 0.0, calls: int = 0) -> tuple[float, int]:
    """Calls a second with as many connections as there are, for so long or so many; and how many were not answered."""
    clients = [await connect(url, MARK, END) for _ in range(MANY)]
    done = broken = 0
    began = perf_counter()

    async def go(client: Any) -> None:
        nonlocal done, broken
        while perf_counter() - began < seconds or done < calls:
            done += 1
            broken += not (await client.ask(request)).is_whole

    await asyncio.gather(*map(go, clients))
    for client in clients:
        client.transport.close()
    return done / (perf_counter() - began), broken


async def cancels(side: Running, upstream: Upstream, *, stream: bool) -> bool:
    """Whether the model is left alone soon after the client has gone away."""
    lingering, left = upstream.lingering, upstream.left
    client = await connect(side.url, MARK, END)
    client.transport.write(post(side.url, body(side.model, stream=stream, word="linger"), side.headers))
    for _ in range(400):
        if upstream.lingering > lingering:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    client.transport.close()
    for _ in range(int(LEFT_LIMIT_S / 0.02)):
        if upstream.left > left:
            return True
        await asyncio.sleep(0.02)
    return False


async def measure(name: str, upstream: Upstream, folder: Path, load: Load) -> Figures | None:
    """One gateway; None where it cannot be had."""
    starts: list[float] = []
    for _ in range(load.starts - 1):
        async with AsyncExitStack() as stack:
            side = await started(name, upstream.url, folder, stack)
            if side is None:
                return None
            starts.append(side.start_s)
    async with AsyncExitStack() as stack:
        side = await started(name, upstream.url, folder, stack)
        if side is None:
            return None
        starts.append(side.start_s)
        direct_url = f"{upstream.url}/chat/completions"
        asks = {
            stream: (
                post(direct_url, body("zero", stream=stream), {}),
                post(side.url, body(side.model, stream=stream), side.headers),
            )
            for stream in (False, True)
        }
        calls = load.calls if side.is_quick else load.calls // 5
        for stream in (False, True):
            await batch(side.url, asks[stream][1], 50)
        added: list[float] = []
        tails: list[float] = []
        firsts: list[float] = []
        streams: list[float] = []
        broken, cpu, plain_calls = 0, 0.0, 0
        for _ in range(load.turns):
            direct = await batch(direct_url, asks[False][0], calls)
            before = side.cpu_s()
            through = await batch(side.url, asks[False][1], calls)
            cpu, plain_calls = cpu + side.cpu_s() - before, plain_calls + calls
            added.append(_middle(through) - _middle(direct))
            tails.append(_tail(through) - _tail(direct))
            direct = await batch(direct_url, asks[True][0], calls // 2)
            streamed = await batch(side.url, asks[True][1], calls // 2)
            firsts.append(median(t.first_s for t in streamed) - median(t.first_s for t in direct))
            streams.append(_middle(streamed) - _middle(direct))
            broken += sum(not timing.is_whole for timing in (*through, *streamed))
        memory = side.memory_mb()
        direct_rps, _ = await full(direct_url, asks[False][0], seconds=load.full_s)
        rps, lost = await full(side.url, asks[False][1], seconds=load.full_s)
        memory_calls = load.memory_calls if side.is_quick else load.memory_calls // 10
        _, more_lost = await full(side.url, asks[False][1], calls=memory_calls)
        return Figures(
            name=name,
            start_s=median(starts),
            added_ms=median(added) * 1000,
            added_p95_ms=median(tails) * 1000,
            ttft_added_ms=median(firsts) * 1000,
            stream_added_ms=median(streams) * 1000,
            cpu_ms=cpu / plain_calls * 1000,
            per_second=rps,
            direct_per_second=direct_rps,
            memory_mb=memory,
            memory_after_mb=side.memory_mb(),
            memory_calls=memory_calls,
            cancels_stream=await cancels(side, upstream, stream=True),
            cancels_plain=await cancels(side, upstream, stream=False),
            broken=broken + lost + more_lost,
        )


def _middle(timings: Sequence[Timing]) -> float:
    return median(timing.total_s for timing in timings)


def _tail(timings: Sequence[Timing]) -> float:
    return quantiles([timing.total_s for timing in timings], n=20)[-1]


def table(found: Sequence[Figures]) -> str:
    """All figures as a Markdown table."""
    columns = (
        *("", "start s", "added ms p50 / p95", "CPU ms", "first word + ms", "16-word stream + ms", "req/s at 32"),
        *("MB, and after calls", "stops the model: stream / plain"),
    )
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [
        f"| {each.name} | {each.start_s:.2f} | {each.added_ms:.2f} / {each.added_p95_ms:.2f} | {each.cpu_ms:.2f} "
        f"| {each.ttft_added_ms:.2f} | {each.stream_added_ms:.2f} | {each.per_second:.0f} "
        f"| {each.memory_mb:.0f} → {each.memory_after_mb:.0f} ({each.memory_calls}) "
        f"| {_yes(each.cancels_stream)} / {_yes(each.cancels_plain)} |"
        for each in found
    ]
    return "\n".join(lines)


def targets(found: Sequence[Figures]) -> str:
    """What was promised, and what it came to."""
    by = {each.name: each for each in found}
    ours, bare = by[OURS], by.get(BARE)
    rows = [
        ("added below 0.9 ms at the median", f"{ours.added_ms:.2f} ms", ours.added_ms < ADDED_LIMIT_MS),
        ("first word below 1 ms later", f"{ours.ttft_added_ms:.2f} ms", ours.ttft_added_ms < TTFT_LIMIT_MS),
        ("start under 1.2 s", f"{ours.start_s:.2f} s", ours.start_s < START_LIMIT_S),
        ("memory under 90 MB", f"{ours.memory_after_mb:.0f} MB", ours.memory_after_mb < MEMORY_LIMIT_MB),
        (
            "the model is stopped",
            _yes(ours.cancels_stream and ours.cancels_plain),
            ours.cancels_stream and ours.cancels_plain,
        ),
    ]
    if bare is not None:
        share = ours.per_second / bare.per_second
        rows.append(("40 % of the bare pass-through's requests", f"{share:.0%}", share >= SHARE_OF_BARE))
    if (portkey := by.get("Portkey")) is not None:
        times = ours.per_second / portkey.per_second
        rows.append(("1.5 times Portkey's requests", f"{times:.2f} times", times >= TIMES_PORTKEY))
    return "\n".join(f"{'✓' if reached else '✗'} {promise}: {seen}" for promise, seen, reached in rows)


def _yes(value: object) -> str:
    return "yes" if value else "no"


async def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SIDES), help="names, by comma")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--memory-calls", type=int, default=5000)
    parser.add_argument("--starts", type=int, default=3)
    asked = parser.parse_args()
    load = Load(asked.turns, asked.calls, asked.seconds, asked.memory_calls, asked.starts)
    OUT.mkdir(exist_ok=True)
    found: list[Figures] = []
    with TemporaryDirectory() as folder:
        async with Upstream() as upstream:
            for name in asked.only.split(","):
                figures = await measure(name, upstream, Path(folder), load)
                if figures is not None:
                    found.append(figures)
                    _say(json.dumps({key: _short(value) for key, value in asdict(figures).items()}))
    busy = os.getloadavg()[0]
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}, load {busy:.1f}"
    (OUT / "gateway.json").write_text(
        json.dumps({"machine": machine, "load": asdict(load), "found": [asdict(each) for each in found]}, indent=1)
    )
    print(f"{machine}\n\n{table(found)}\n")  # noqa: T201 - what it is for
    if any(each.name == OURS for each in found):
        print(targets(found))  # noqa: T201


def _short(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    asyncio.run(main())
