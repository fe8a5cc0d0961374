"""Runs one coroutine with an open app, and turns our errors into a message and an exit code."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeVar

import typer

from beastmode.domain.errors import BeastModeError, InvalidModel
from beastmode.faces.cli.render import complain
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.app import App

Result = TypeVar("Result")

FAILED = 1
INTERRUPTED = 130


def run(work: Callable[[App], Awaitable[Result]]) -> Result:
    """Open the app, do the work, close it.

    Exits with 1 after an error of ours, which is printed with its fix, and with 130 after Ctrl-C.
    """
    try:
        return asyncio.run(_with_app(work))
    except InvalidModel as error:
        for field, problem in error.problems.items():
            complain(f"{field}: {problem}")
    except BeastModeError as error:
        complain(error.message, error.fix)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(FAILED)


async def _with_app(work: Callable[[App], Awaitable[Result]]) -> Result:
    from beastmode.app import App  # noqa: PLC0415 - `--help` and `--version` need none of it

    settings, notices = load(os.environ)
    app = await App.open(settings, notices)
    try:
        for notice in app.notices:
            complain(notice.text, notice.fix)
        return await work(app)
    finally:
        await app.close()
