"""The language server delivers alerts in the background, where there is nothing else that does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import time

import pytest
from tests.support.editor import Editor
from tests.support.targets import Webhook

from beastmode.app import App
from beastmode.faces.lsp import server
from beastmode.operations.alerts.outbox import Event
from beastmode.settings import Settings


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.close()


async def test_alerts_go_out_behind_the_first_suggestions(
    settings: Settings, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in the outbox is delivered once the editor has settled, and an editor that closes lets go of it."""
    app = await App.open(settings)
    await app.alerts.targets.add("hook", f"http://127.0.0.1:{webhook.port}/hook", time())
    await app.alerts.outbox.put(Event("r", "s", "alert", "in the outbox"), ["hook"], time())
    await app.close()
    monkeypatch.setattr(server, "FIRST", 0.0)
    monkeypatch.setattr(server, "SETTLE", 0.0)
    async with Editor(settings):
        while not webhook.taken:
            await asyncio.sleep(0.01)
    assert [body["message"].splitlines()[0] for _, body in webhook.taken] == ["in the outbox"]
