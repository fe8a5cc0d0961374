"""Three gateways behind nginx and HAProxy, and one PostgreSQL: a kill or a restart loses nothing and bills once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.gateway_process import ALONE
from tests.support.postgresql_server import Server, running
from tests.support.targets import certificate
from tests.support.team import Clients, Model, Replica, free_port, haproxy, nginx

from beastmode.app import App
from beastmode.domain.usage import Price, from_nano
from beastmode.ledger.holds import LEASE_S, LOST, Holds
from beastmode.registry.registration import parse
from beastmode.registry.users import User
from beastmode.settings import load
from beastmode.store import Database

pytestmark = pytest.mark.e2e

CLIENTS = 200
CAPPED = 20
"""Of them, who share a budget."""
PRICE = Price(Decimal(10), Decimal(1000), date(2026, 1, 1), "test")
CAP = Decimal("0.50")
"""About fifty answers."""


@dataclass
class Team:
    """What runs, and the tokens of its users."""

    database: Server
    replicas: list[Replica]
    models: dict[str, Model]
    tokens: dict[str, str]
    folder: Path
    ports: tuple[int, int]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(durable=True) as server:
        yield server


@pytest.fixture
async def team(server: Server, tmp_path: Path) -> AsyncIterator[Team]:
    for program in ("nginx", "haproxy"):
        if not Path(f"/usr/sbin/{program}").exists():
            pytest.skip(f"{program} is not installed; run scripts/install-services.sh")
    ports = (free_port(), free_port())
    environment = {
        "BEASTMODE_DATABASE_URL": server.url(),
        "ENCRYPTION_KEY": "the team's passphrase",
        "BEASTMODE_BUILTIN__ENABLED": "false",
    }
    models = {"free": Model("drip=120"), "capped": Model("drip=120")}
    hosts = ["localhost", f"localhost:{ports[1]}"]
    replicas = [Replica(tmp_path / f"replica{number}", environment, hosts) for number in range(3)]
    try:
        tokens = await _registered(tmp_path / "owner", environment, models)
        certificate(tmp_path)
        for replica in replicas:
            replica.start()
        yield Team(server, replicas, models, tokens, tmp_path, ports)
    finally:
        for replica in replicas:
            replica.end(signal.SIGKILL)
        for model in models.values():
            model.stop()


async def _registered(home: Path, environment: dict[str, str], models: dict[str, Model]) -> dict[str, str]:
    os.environ.update(ALONE)
    settings, notices = load(environment | {"BEASTMODE_HOME": str(home)})
    assert notices == ()
    app = await App.open(settings)
    tokens: dict[str, str] = {}
    try:
        for name, server in models.items():
            fields = {"model_name": name, "model_id": name, "endpoint_url": f"{server.url}/v1"}
            model, _ = parse({**fields, "provider": "openai-compatible", "context_window": 8192})
            await app.registry.add(replace(model, price=PRICE, max_concurrent=CLIENTS), "sk-of-the-team")
            cap = CAP if name == "capped" else None
            tokens[name] = await app.registry.users.add(User(name, frozenset({f"custom:{name}"}), daily_cap=cap))
    finally:
        await app.close()
    return tokens


@pytest.mark.skipif(os.name != "posix", reason="nginx and PostgreSQL of a Linux distribution")
async def test_nothing_is_lost_or_billed_twice(team: Team) -> None:
    """200 clients; a gateway is killed, another one is ended in peace, and the database is restarted."""
    port = team.ports[0]
    with nginx(team.folder, team.replicas, port):
        clients = Clients(f"https://localhost:{port}", team.folder / "localhost.pem", wait_s=3.0)
        names = ["capped" if number < CAPPED else "free" for number in range(CLIENTS)]
        running = [
            asyncio.create_task(clients.run(number, team.tokens[name], f"custom:{name}"))
            for number, name in enumerate(names)
        ]
        killed, one, two = await _troubled(team, clients)
        clients.stop()
        await asyncio.gather(*running)
    assert (one, two) == (0, 0), "what is told to end ends by itself"
    for replica in team.replicas:
        assert await asyncio.to_thread(replica.end, signal.SIGTERM) == 0
    for model, seen in clients.seen.items():
        assert seen.wrong == []
        assert all(killed <= moment <= killed + 3 for moment in seen.broken), "only the killed one breaks streams off"
        assert seen.answers > 30, (model, seen)
    assert clients.seen["custom:free"].broken or clients.seen["custom:free"].statuses[503]
    assert clients.seen["custom:free"].statuses[402] == 0
    assert clients.seen["custom:capped"].statuses[402] > 0, "the budget has been used up"
    await _compare(team, {name: clients.seen[f"custom:{name}"].answers for name in team.models})


async def _troubled(team: Team, clients: Clients) -> tuple[float, int, int]:
    """What happens to them; when one was killed, and how the two that were told to end did."""
    first, second, third = team.replicas

    async def answered(more: int) -> None:
        def count() -> int:
            return sum(seen.answers for seen in clients.seen.values())

        until, deadline = count() + more, time.monotonic() + 60
        while count() < until:
            assert time.monotonic() < deadline, clients.seen
            await asyncio.sleep(0.05)

    await answered(200)
    while clients.under_way < 30:  # a third of them at the one that is killed
        await asyncio.sleep(0.01)
    killed = time.monotonic()
    await asyncio.to_thread(first.end, signal.SIGKILL)
    await answered(150)
    await asyncio.to_thread(first.start)
    await answered(150)
    one = await asyncio.to_thread(second.end, signal.SIGTERM)
    await asyncio.to_thread(second.start)
    await answered(150)
    await asyncio.to_thread(team.database.stop, signal.SIGINT)
    await asyncio.to_thread(team.database.start)
    await answered(200)
    two = await asyncio.to_thread(third.end, signal.SIGTERM)
    await asyncio.to_thread(third.start)
    await answered(100)
    return killed, one, two


async def _compare(team: Team, answers: dict[str, int]) -> None:
    """The ledger beside the model's own count."""
    database = await Database.connect(team.database.url())
    late = Holds(database, lambda: time.time() + LEASE_S + 1)
    await late.sweep()
    assert await database.read("SELECT * FROM holds") == []
    for name, model in team.models.items():
        counted = model.stats()
        rows = await database.read("SELECT * FROM attempts WHERE model = ?", (f"custom:{name}",))
        lost = [row for row in rows if row["error_kind"] == LOST]
        good = [row for row in rows if row["outcome"] == "ok"]
        reached = [row for row in rows if row["connect_s"] is not None]  # a busy machine may be late to connect
        assert len(reached) - len(lost) <= counted["requests"] <= len(rows)
        assert len(good) <= counted["answered"] <= len(good) + len(lost)
        assert answers[name] <= len(good)
        assert len(lost) <= CLIENTS / 3 + 10, "only what one gateway had under way"
        (each,) = {row["output_tokens"] for row in good}
        (cost,) = {row["cost_nano"] for row in good}
        sums = "SELECT SUM(cost_nano), SUM(attempts) FROM rollups WHERE model = ?"
        spent, tries = (await database.read(sums, (f"custom:{name}",)))[0]
        assert tries == len(rows)
        assert spent == len(good) * cost + sum(row["cost_nano"] for row in rows if row not in good)
        assert each == 10
        if name == "capped":
            assert from_nano(spent) <= CAP
            assert from_nano(counted["answered"] * cost) <= CAP, "what the provider would bill"
    await database.close()


async def test_haproxy_sends_nobody_to_a_gateway_that_ends(team: Team) -> None:
    """A rolling restart of all three behind HAProxy: no client sees anything of it."""
    port = team.ports[1]
    with haproxy(team.folder, team.replicas, port):
        clients = Clients(f"https://localhost:{port}", team.folder / "localhost.pem", wait_s=0.2)
        running = [asyncio.create_task(clients.run(n, team.tokens["free"], "custom:free")) for n in range(10)]
        for replica in team.replicas:
            await asyncio.sleep(1.5)  # HAProxy looks every second
            assert await asyncio.to_thread(replica.end, signal.SIGTERM) == 0
            await asyncio.to_thread(replica.start)
        clients.stop()
        await asyncio.gather(*running)
    seen = clients.seen["custom:free"]
    assert (seen.wrong, seen.broken, seen.statuses) == ([], [], {})
    assert seen.answers > 20
