"""`beastmode serve` as a process of its own, with models that answer at loopback servers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.app import App
from beastmode.faces.http.owner_token import FILE, OwnerToken
from beastmode.registry.registration import parse
from beastmode.settings import load

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
ALONE = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


@dataclass
class Running:
    """A gateway that listens.

    Attributes:
        url: of it.
        token: the owner's.
        environment: in which `beastmode` commands speak of the same home.
        process: its own.
    """

    url: str
    token: str
    environment: dict[str, str]
    process: subprocess.Popen[str]

    def rows(self) -> list[sqlite3.Row]:
        """The tries in the ledger, oldest first."""
        return asyncio.run(_rows(self.environment))


@contextmanager
def serving_gateway(
    home: Path,
    models: Mapping[str, str],
    *,
    selected: str | None = None,
    max_concurrent: int | None = None,
    **environment: str,
) -> Iterator[Running]:
    """Start it with these models, by their endpoints, and end it.

    Args:
        home: BEASTMODE_HOME, empty.
        models: endpoints by id.
        selected: which of them answers by default; the first if not said.
        max_concurrent: how much each of them takes at once, where it is not the usual.
        environment: more variables.
    """
    given = {**os.environ, **ALONE, "BEASTMODE_HOME": str(home), "PYTHONPATH": str(ROOT / "server"), **environment}
    asyncio.run(_register(given, models, selected, max_concurrent))
    command = [sys.executable, "-m", "beastmode", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield Running(json.loads(line)["url"], OwnerToken(home / FILE).read(), given, process)
    finally:
        process.terminate()
        process.communicate(timeout=40)


async def _register(
    environment: dict[str, str], models: Mapping[str, str], selected: str | None, max_concurrent: int | None
) -> None:
    os.environ.update(ALONE)
    settings, _ = load(environment)
    app = await App.open(settings)
    try:
        for model_id, url in models.items():
            fields = {"model_name": model_id, "model_id": model_id, "endpoint_url": url, "context_window": 100_000}
            model, _ = parse(fields | {"max_concurrent": max_concurrent})
            await app.registry.add(model, None)
        if models:
            await app.registry.select(f"custom:{selected or next(iter(models))}")
    finally:
        await app.close()


async def _rows(environment: dict[str, str]) -> list[sqlite3.Row]:
    settings, _ = load(environment)
    app = await App.open(settings)
    try:
        return await app.ledger.tail(100_000)
    finally:
        await app.close()
