"""The test of one model against servers that lack one thing each: which check fails, with what evidence and fix."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer

from beastmode.domain.model import ModelSpec
from beastmode.operations.model_checks import ABILITIES, check_model
from beastmode.registry.providers import load_providers
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.breaker import Breakers
from beastmode.router.latency import Latencies
from beastmode.router.room import Rooms
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


async def report_on(url: str) -> Report:
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
    model = ModelSpec("custom:m", "M", "openai-compatible", url, "mock", "openai-chat", None)
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
