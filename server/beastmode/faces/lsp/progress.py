"""Work-done progress (LSP 3.15): shown for anything that takes longer than half a second, and can be cancelled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.faces.lsp.language_server import Server

PATIENCE = 0.5


class Progress:
    """A line of text and a bar in the editor; says nothing until it has lasted for half a second."""

    def __init__(self, server: Server, title: str) -> None:
        self._server = server
        self._title = title
        self._token = uuid4().hex
        self._shown = False
        self._last: tuple[str, float | None] = ("", None)

    def __call__(self, message: str, fraction: float | None = None) -> None:
        """Say how far it is; the fraction is between 0 and 1."""
        self._last = (message, fraction)
        if self._shown:
            report = lsp.WorkDoneProgressReport(message=message, percentage=_percentage(fraction), cancellable=True)
            self._server.work_done_progress.report(self._token, report)

    async def show(self) -> None:
        """Open the bar, once the editor has agreed to it."""
        await asyncio.sleep(PATIENCE)
        with suppress(JsonRpcException):
            await self._server.work_done_progress.create_async(self._token)
            message, fraction = self._last
            begin = lsp.WorkDoneProgressBegin(
                self._title, message=message or None, percentage=_percentage(fraction), cancellable=True
            )
            self._server.work_done_progress.begin(self._token, begin)
            self._shown = True

    def end(self) -> None:
        """Close the bar, if it was ever open."""
        if self._shown:
            self._server.work_done_progress.end(self._token, lsp.WorkDoneProgressEnd())
        self._server.work_done_progress.tokens.pop(self._token, None)

    def on_cancel(self, task: asyncio.Task[object]) -> None:
        """Cancel a task when the user presses the bar's button."""
        future = self._server.work_done_progress.tokens.get(self._token)
        if future is not None:
            future.add_done_callback(lambda f: task.cancel() if f.cancelled() else None)


@asynccontextmanager
async def progress(server: Server, title: str) -> AsyncGenerator[Progress]:
    """Show progress while something runs; the editor's cancel button cancels the task that runs it."""
    bar = Progress(server, title)
    task = asyncio.current_task()
    opening = asyncio.ensure_future(bar.show()) if _supported(server) else None
    if opening is not None and task is not None:
        opening.add_done_callback(lambda _: bar.on_cancel(task))
    try:
        yield bar
    finally:
        if opening is not None:
            opening.cancel()
        bar.end()


def _supported(server: Server) -> bool:
    window = server.client_capabilities.window
    return bool(window and window.work_done_progress)


def _percentage(fraction: float | None) -> int | None:
    return None if fraction is None else round(fraction * 100)
