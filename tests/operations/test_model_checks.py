"""The test of one model against servers that lack one thing each: which check fails, with what evidence and fix."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.operations.model_checks import ABILITIES, check_model
from beastmode.registry.providers import load_providers
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.breaker import Breakers
from beastmode.router.latency import Latencies
from beastmode.router.room import Rooms
from beastmode.settings import load
from beastmode.transport import Network, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.operations.model_checks import Report


class Bare:
    """Masks and holds nothing."""

    async def prepare(self) -> None:
        pass

    def mask(self, request: object) -> tuple[object, int]:
        return request, 0

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: object) -> AsyncGenerator[None]:
        yield


async def report_on(url: str, *, has_key: bool = False) -> Report:
    transport = Transport(Network())
    asker = Asker(
        transport,
        rooms=Rooms(),
        breakers=Breakers(lambda: 0.0),
        latencies=Latencies(),
        masker=Bare(),  # type: ignore[arg-type]
        observers=(),
        clock=lambda: 0.0,
    )
    model = ModelSpec("custom:m", "M", "openai-compatible", url, "mock", "openai-chat", None, has_key=has_key)
    provider = load_providers()["openai-compatible"]
    report = await check_model(model, provider, Endpoint(url, {}), asker, hold=Bare().hold, say=lambda _message: None)
    await transport.aclose()
    return report


@pytest.mark.parametrize(
    ("spec", "wrong", "passed"),
    [
        ("", set(), True),
        ("nousage", {"Usage"}, True),
        ("401", {"API key is valid"}, False),
        ("reset", {"Endpoint is reachable"}, False),
        ("badjson=0", {"Response format is correct", "Chat", "Streaming", "Usage", "Code completion"}, False),
    ],
)
async def test_what_is_wrong_is_what_fails(spec: str, wrong: set[str], passed: bool) -> None:  # noqa: FBT001 - a parameter
    """And has a fix; what a model merely cannot do fails nothing."""
    async with ModelServer("a + b", spec=spec) as server:
        report = await report_on(server.base)
    assert {check.name for check in report.checks if not check.ok} == wrong
    assert report.passed is passed
    assert all(check.evidence for check in report.checks)
    assert all(check.fix for check in report.checks if not check.ok and check.name not in {"Chat", "Streaming"})
    assert {check.name for check in report.checks} >= ABILITIES or not passed


async def test_an_ill_endpoint_has_not_accepted_the_key() -> None:
    """It may not have looked at it: what is not known is not claimed."""
    async with ModelServer("a + b", spec="503") as server:
        report = await report_on(server.base, has_key=True)
    (key,) = (check for check in report.checks if check.name == "API key is valid")
    assert key.evidence == "was not refused"


async def test_what_is_timed_is_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this program needs for its first request is imported before, or it would count as the endpoint's latency."""
    order: list[str] = []
    monkeypatch.setattr("beastmode.operations.models.load_network", lambda: order.append("imported"))
    settings, notices = load({"BEASTMODE_HOME": str(tmp_path)})
    app = await App.open(settings, notices)
    try:
        async with ModelServer("a + b") as server:
            fields = {"model_id": "m", "model_name": "M", "endpoint_url": server.base, "provider": "openai-compatible"}
            await app.models.register(fields, order.append)
    finally:
        await app.close()
    assert order[0] == "imported"
    assert order[1].startswith("Asking ")
