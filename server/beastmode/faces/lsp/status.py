"""Tells the editor how things are, whenever something changed: `beastmode/status`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from beastmode.faces.lsp import protocol
from beastmode.operations.status import dollars, lines, milliseconds, percent, savings, savings_percent

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.domain.errors import BeastModeError
    from beastmode.faces.lsp.language_server import Server
    from beastmode.operations.status import Notice
    from beastmode.operations.status import Status as Picture

PAUSE = 1.0
"""Seconds between two notifications at least: keystrokes come faster than anybody reads, and adding up a day of twenty
thousand requests takes 20 ms."""

LOOK = 5.0
"""Seconds between two looks at what others changed."""

log = logging.getLogger(__name__)


def to_protocol(picture: Picture) -> protocol.Status:
    """The picture in the protocol's words."""
    model, today = picture.model, picture.today
    return {
        "model": {"id": model.id, "name": model.name} if model else None,
        "health": {"level": picture.health.level.value, "issues": list(picture.health.issues)},
        "activity": picture.activity,
        "today": {
            "requests": today.requests,
            "success_rate": percent(today.success_rate),
            "p95_latency": milliseconds(today.p95_s),
            "cost": dollars(today.cost),
            "savings": savings(today),
            "savings_percent": savings_percent(today),
        },
        "notice": _notice(picture.notice),
        "key_source": picture.key_source,
        "lines": lines(picture),
    }


def broken(error: BeastModeError) -> protocol.Status:
    """The status of a server that could not even open what it works with."""
    return {
        "model": None,
        "health": {"level": "unhealthy", "issues": [error.message]},
        "activity": "idle",
        "today": {
            "requests": 0,
            "success_rate": None,
            "p95_latency": None,
            "cost": None,
            "savings": None,
            "savings_percent": None,
        },
        "notice": {"text": error.message, "fix": error.fix, "action": None},
        "key_source": "",
        "lines": [error.message, error.fix],
    }


def _notice(notice: Notice | None) -> protocol.NoticeStatus | None:
    if notice is None:
        return None
    action: protocol.Action | None = None
    if notice.command is not None:
        action = {"title": notice.fix, "command": notice.command}
    return {"text": notice.text, "fix": notice.fix, "action": action}


class Broadcast:
    """Sends the status after a change, and once more after the last of many.

    Args:
        server: where to send it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._news = asyncio.Event()

    def changed(self) -> None:
        """Something happened that the status bar may show."""
        self._news.set()

    async def run(self, app: App) -> None:
        """Send until cancelled; also looks for what other windows and terminals changed."""
        while True:
            self._news.clear()
            try:
                self._server.protocol.notify(protocol.STATUS, to_protocol(await app.condition.status()))
                await asyncio.sleep(PAUSE)
                app.join_router()
                await self._wait_for_news(app)
            except Exception:  # the status bar is never worth a dead server
                log.exception("The status could not be sent")
                await asyncio.sleep(LOOK)

    async def _wait_for_news(self, app: App) -> None:
        while not self._news.is_set():
            try:
                async with asyncio.timeout(LOOK):
                    await self._news.wait()
            except TimeoutError:
                app.join_router()
                if await app.refresh():
                    return
