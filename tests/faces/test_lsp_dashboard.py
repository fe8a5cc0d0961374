"""The command `beastmode.dashboard.open` as an editor sees it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.support.editor import Editor, Refused

from beastmode.app import App
from beastmode.operations.gateway_address import announced, gateway_address

if TYPE_CHECKING:
    from beastmode.settings import Settings

OPEN = "beastmode.dashboard.open"


def announce(settings: Settings, said: str) -> None:
    """As a gateway does when it starts."""
    settings.paths.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.paths.run_dir / "gateway-1.json").write_text(said)


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


async def test_a_second_gateway_takes_nothing_with_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """While two run, the later one is opened; when it has ended or was killed, the one that is left."""
    servers = [await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) for _ in range(3)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    run_dir = settings.paths.run_dir
    with announced(run_dir, urls[0]):
        for pid, url in ((2, urls[1]), (3, urls[2])):
            monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
            with announced(run_dir, url):
                assert await gateway_address(run_dir) == url
                if pid == 3:
                    servers[2].close()  # and leaves its file for now
                    assert await gateway_address(run_dir) == urls[0]
            assert await gateway_address(run_dir) == urls[0]
    assert not list(run_dir.glob("gateway-*"))
    for server in servers:
        server.close()
