"""Writes to one ledger from four processes and kills them, one at a time, at random moments.

Run as a program of its own, because a process that has threads must not fork:
`python -m tests.support.ledger_load DATABASE ACKNOWLEDGED KILLS SEED`. Each writer appends the id of every try that
the ledger acknowledged to the second file, in one call that a kill cannot cut.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from tests.support.attempts import GPT4, ROW

from beastmode.domain.request import Task
from beastmode.domain.routing import Attempt, Outcome
from beastmode.domain.usage import Usage
from beastmode.ledger.ledger import Ledger
from beastmode.store import Database

WRITERS = 4
AT_ONCE = 8
LONGEST_LIFE = 0.25
"""Seconds; some writers are killed while they open the file."""


def attempt_of(name: str) -> Attempt:
    """A try all of whose fields follow from its id, so that a torn row shows."""
    bits = sha256(name.encode()).digest()
    usage = Usage(bits[0] * 100, bits[1], bits[2], None, bits[3])
    return replace(
        ROW,
        id=name,
        request_id=f"r{name}",
        task=list(Task)[bits[4] % len(Task)],
        model=f"custom:{bits[5] % 3}",
        started_at=1_790_000_000.0 + bits[6] * 60,
        outcome=list(Outcome)[bits[7] % len(Outcome)],
        total_s=(1 + bits[8]) / 50,
        error=name * (bits[9] % 20),
        usage=usage,
        price=GPT4,
        cost=GPT4.cost(usage),
        masked=bits[10],
    )


async def _write(database: Path, acknowledged: int) -> None:
    ledger = Ledger(await Database.open(database))

    async def one_after_the_other() -> None:
        while True:
            name = uuid4().hex
            await ledger.observe(attempt_of(name))
            os.write(acknowledged, f"{name}\n".encode())

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


def _fork(database: Path, acknowledged: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(_write(database, acknowledged))
    finally:
        os._exit(1)


def main(database: Path, file: Path, kills: int, seed: int) -> None:
    """Kill that many writers; the seed makes the moments the same, as far as the machine lets it."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    acknowledged = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    writers = [_fork(database, acknowledged) for _ in range(WRITERS)]
    for _ in range(kills):
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        victim = writers.pop(chance.randrange(len(writers)))
        os.kill(victim, signal.SIGKILL)
        _, status = os.waitpid(victim, 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"a writer ended by itself: {status}")
        writers.append(_fork(database, acknowledged))
    for writer in writers:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
