"""The command `beastmode.dashboard.open` as an editor sees it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.support.editor import Editor, Refused

from beastmode.app import App

if TYPE_CHECKING:
    from beastmode.settings import Settings

OPEN = "beastmode.dashboard.open"


def announce(settings: Settings, said: str) -> None:
    """As a gateway does when it starts."""
    settings.paths.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.paths.run_dir / "gateway.json").write_text(said)


async def test_the_dashboard_opens_signed_in(settings: Settings) -> None:
    """The address is the running gateway's; its code is good for the gateway's own process, once, and behind `#`."""
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    announce(settings, json.dumps({"url": address, "pid": 1}))
    async with Editor(settings) as editor:
        answer = await editor.command(OPEN, {})
    url, _, code = answer["url"].partition("/#code=")
    assert url == address
    gateway = await App.open(settings)
    assert [await gateway.sign_in_codes.take(code) for _ in range(2)] == [True, False]
    await gateway.close()
    listening.close()


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{}",
        "[]",
        '{"url": 1}',
        '{"url": "file:///etc/passwd"}',
        '{"url": "http://127.0.0.1:1"}',
        '{"url": "x:99999"}',
    ],
)
async def test_without_a_gateway_it_says_how_to_start_one(settings: Settings, said: str) -> None:
    """There was none, its file is damaged, or it was killed and left its file."""
    announce(settings, said)
    async with Editor(settings) as editor:
        with pytest.raises(Refused, match="beastmode serve"):
            await editor.command(OPEN, {})
