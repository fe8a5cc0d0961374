"""Runs one coroutine with an open app."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, TypeVar

from beastmode.faces.cli.ending import Code, ending
from beastmode.faces.cli.render import complain
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from beastmode.app import App

Result = TypeVar("Result")

FAILED = Code.FAILED
INTERRUPTED = Code.INTERRUPTED


def run(work: Callable[[App], Awaitable[Result]]) -> Result:
    """Open the app, do the work, close it. What goes wrong becomes a message and an exit code; see `ending`."""
    with ending(), _tidy_end():
        return asyncio.run(_with_app(work))


@contextmanager
def _tidy_end() -> Iterator[None]:
    """SIGTERM, as a cancelled job of CI gets it, is Ctrl-C: what was begun is put away, and not left behind."""
    if current_thread() is not main_thread():  # only there can it be heard
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


async def _with_app(work: Callable[[App], Awaitable[Result]]) -> Result:
    from beastmode.app import App  # noqa: PLC0415 - `--help` and `--version` need none of it

    settings, notices = load(os.environ)
    app = await App.open(settings, notices)
    try:
        for notice in app.condition.notices:
            complain(notice.text, notice.fix)
        return await work(app)
    finally:
        await app.close()
