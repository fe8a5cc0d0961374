"""A language server finds the gateway that shares its router, and goes on alone when that ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.editor import Editor

from beastmode.app import App
from beastmode.faces.lsp import status

if TYPE_CHECKING:
    import pytest

    from beastmode.settings import Settings


async def test_an_editor_shares_the_router_of_a_gateway_that_comes_and_goes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for one now and then, whether something happens in the editor or not."""
    monkeypatch.setattr(status, "PAUSE", 0.01)
    monkeypatch.setattr(status, "LOOK", 0.01)
    gateway = await App.open(settings)
    try:
        async with Editor(settings) as editor:
            app = await editor.session.app()
            for _ in range(2):  # and a second one, after the first has gone
                hub = await gateway.host_router()
                assert hub is not None
                async with asyncio.timeout(10):
                    while not hub.members or not app._line.is_open:
                        await asyncio.sleep(0.01)
                await hub.aclose()
                async with asyncio.timeout(10):
                    while app._line.is_open:
                        await asyncio.sleep(0.01)
    finally:
        await gateway.close()
