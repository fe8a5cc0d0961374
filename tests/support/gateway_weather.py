"""A storm over a gateway that is a process of its own, and what is left when it is over.

Also a program: `python -m tests.support.gateway_weather --streams 500 --seconds 300`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil
from tests.support.attempts import sums_of_rollups, sums_of_rows
from tests.support.background import serving
from tests.support.gateway_process import serving_gateway
from tests.support.gateway_storm import BEHAVIOURS, TEXT, Seen, storm

if TYPE_CHECKING:
    from tests.support.model_server import ModelServer

SETTLE_S = 30.0
LARGEST_GROWTH_MB = 30.0
"""From the end of the first storm, which warms everything up, to the end of the last."""
_REACHED = "connect_s IS NOT NULL OR error_kind IN ('server_failed', 'invalid_format', 'stream_cut')"
_UNSURE = "connect_s IS NULL AND outcome = 'cancelled'"
"""Whose client was gone before the head of the model's answer had come: sent, or not yet."""


@dataclass(slots=True)
class Weather:
    """What was found when it was over.

    Attributes:
        streams: at once.
        seen: by the clients.
        server: what the model counted.
        ledger: what the rows add up to.
        unsure: rows of requests that may have reached the model, or not.
        left: connections, files and megabytes that the gateway has more than after the first storm.
        sums_agree: the rollups are the sums of the rows.
    """

    streams: int
    seen: Seen
    server: dict[str, int]
    ledger: dict[str, int]
    unsure: int
    left: dict[str, float]
    sums_agree: bool

    def problems(self) -> list[str]:
        """What should not be."""
        found = list(self.seen.wrong)
        counts = self.seen.counts.items()
        found += [f"{count} answers with {what}" for what, count in counts if what.startswith("neither")]
        found += [
            f"{name}: {self.ledger[name]} in the ledger, {count} at the model"
            for name, count in self.server.items()
            if not 0 <= count - self.ledger[name] <= (self.unsure if name == "requests" else 0)
        ]
        found += [f"{count} {what} more than before" for what, count in self.left.items() if what != "MB" and count > 0]
        if self.left["MB"] > LARGEST_GROWTH_MB:
            found.append(f"{self.left['MB']:.0f} MB more than before")
        return found if self.sums_agree else [*found, "the rollups are not the sums of the rows"]


def weather(home: Path, *, streams: int, seconds: float) -> Weather:
    """A short storm to warm up, then the long one, then calm."""
    with serving(TEXT) as server:
        models = {name: server.misbehaving(spec) for name, spec in BEHAVIOURS.items()}
        with serving_gateway(home, models, max_concurrent=1024) as gateway:
            process = psutil.Process(gateway.process.pid)
            first = asyncio.run(storm(gateway.url, gateway.token, streams=streams, seconds=min(5.0, seconds / 3)))
            before = _calm(process, server, None)
            seen = asyncio.run(storm(gateway.url, gateway.token, streams=streams, seconds=seconds, seed=2))
            after = _calm(process, server, before)
        seen.counts += first.counts
        seen.wrong += first.wrong
        stats = server.stats
        told = {"requests": stats.requests, "input tokens": stats.reported_in, "output tokens": stats.reported_out}
    with closing(sqlite3.connect(next(home.rglob("*.db")))) as connection:
        connection.row_factory = sqlite3.Row
        ledger, unsure = _ledger(connection), _count(connection, _UNSURE)
        agree: Any = sums_of_rollups(connection) == sums_of_rows(connection)  # type: ignore[arg-type]
    left = {name: after[name] - before[name] for name in after}
    return Weather(streams, seen, told, ledger, unsure, left, agree)


def _calm(process: psutil.Process, server: ModelServer, before: dict[str, float] | None) -> dict[str, float]:
    """What the gateway holds, once it has let go of what it keeps for some seconds."""
    end = time.monotonic() + SETTLE_S
    while True:
        held = {
            "connections": float(len(process.net_connections())),
            "files": float(process.num_fds()),
            "MB": process.memory_info().rss / 1e6,
        }
        is_calm = not server.stats.open and (
            before is None or all(held[name] <= before[name] for name in ("connections", "files"))
        )
        if is_calm or time.monotonic() > end:
            return held
        time.sleep(0.2)


def _ledger(connection: sqlite3.Connection) -> dict[str, int]:
    reached = _count(connection, _REACHED)
    sums = "SELECT SUM(input_tokens), SUM(output_tokens) FROM attempts WHERE outcome = 'ok' AND estimated = 0"
    tokens_in, tokens_out = connection.execute(sums).fetchone()
    return {"requests": reached, "input tokens": tokens_in or 0, "output tokens": tokens_out or 0}


def _count(connection: sqlite3.Connection, condition: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM attempts WHERE {condition}").fetchone()[0])  # noqa: S608 - ours


def main() -> None:
    """Let it storm, and say what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = weather(Path(folder) / "home", streams=asked.streams, seconds=asked.seconds)
    said = {
        "clients": dict(found.seen.counts),
        "model": found.server,
        "ledger": found.ledger,
        "unsure": found.unsure,
        "left": found.left,
    }
    print(json.dumps({**said, "problems": found.problems()[:20]}, indent=1))  # noqa: T201 - what it is for
    sys.exit(bool(found.problems()))


if __name__ == "__main__":
    main()
