"""Two windows and a gateway of one user, in front of one model."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.support.gateway_client import opened_gate
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.domain.request import ChatRequest, Message, Task
from beastmode.domain.routing import Outcome

if TYPE_CHECKING:
    import pytest

    from beastmode.settings import Settings


SLACK_S = 0.008
"""Between two clocks; an answer takes four times as long."""


def question(number: int) -> ChatRequest:
    return ChatRequest((Message("user", f"number {number}"),), Task.CHAT, "custom:my-code-model")


async def test_windows_share_the_gateways_router_and_go_on_when_it_goes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One place at the endpoint for all of them; the gateway ends in the middle, and every answer still comes."""
    async with ModelServer(text="fine", spec="lat=30") as server:
        async with opened_gate(settings) as gate:
            await gate.register(server.base, max_concurrent=1)
            windows = [await App.open(settings) for _ in range(2)]
            try:
                async with asyncio.timeout(10):
                    while not all(window._line.is_open for window in windows):
                        for window in windows:
                            window.join_router()
                        await asyncio.sleep(0.01)
                apps = [gate.gateway.app, *windows]
                answers = await asyncio.gather(*(apps[n % 3].router.complete(question(n)) for n in range(9)))
                assert {answer.text for answer in answers} == {"fine"}
                rows = [row for row in await windows[0].ledger.tail(100) if row["task"] == Task.CHAT]
                spans = sorted((row["started_at"] + row["queue_s"], row["started_at"] + row["total_s"]) for row in rows)
                assert len(spans) == 9
                assert all(ended <= began + SLACK_S for (_, ended), (began, _) in pairwise(spans))
                late = [asyncio.create_task(windows[n % 2].router.complete(question(n))) for n in range(10, 16)]
                await asyncio.sleep(0.02)
            except BaseException:
                for window in windows:
                    await window.close()
                raise
        # Here the gateway has ended.
        try:
            async with asyncio.timeout(10):
                assert {answer.text for answer in await asyncio.gather(*late)} == {"fine"}
            rows = await windows[0].ledger.tail(100)
            assert {row["outcome"] for row in rows if row["task"] == Task.CHAT} == {Outcome.OK}
        finally:
            for window in windows:
                await window.close()
