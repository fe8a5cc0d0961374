"""`beastmode monitor`: how the models do, once or live; from the ledger, or from a gateway."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from time import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beastmode.domain.errors import AttemptFailed, UserError
from beastmode.faces.cli.monitor_screen import screen
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import out
from beastmode.faces.cli.run import run
from beastmode.operations.durations import read_since
from beastmode.operations.monitoring import look, to_details
from beastmode.operations.remote import ask_gateway
from beastmode.settings import load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beastmode.app import App
    from beastmode.settings import Settings

    Read = Callable[[], Awaitable[dict[str, Any]]]

INTERVAL_S = 2.0


def monitor(  # noqa: PLR0917 - one option a choice
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay, and show how it changes; Ctrl-C ends it.")
    ] = False,
    since: Annotated[str, typer.Option("--since", help="24h, 30m, 7d, or a time as for `beastmode ledger`.")] = "24h",
    interval: Annotated[float, typer.Option("--interval", min=0.2, help="Seconds between two looks.")] = INTERVAL_S,
    url: Annotated[str, typer.Option("--url", help="Of a gateway, whose ledger is shown instead.")] = "",
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="With the gateway's token; else $BEASTMODE_TOKEN.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How the models do, once or live, with recent errors and what to do.

    Requests, success, latency, cost and savings over time, each model, health with its issues.

    Examples: `beastmode monitor --since 7d`, `beastmode monitor --watch`, `beastmode monitor --json`,
    `beastmode monitor --url http://127.0.0.1:4747 --token-file token.txt`
    """
    read_since(since, time())  # what is wrong is said before anything is opened

    async def show(read: Read) -> None:
        if watch:
            await _watch(read, interval, as_json=as_json)
        else:
            _print(await read(), as_json=as_json)

    if url:
        settings, _ = load(os.environ)
        asyncio.run(_from_gateway(settings, url, _token(settings, token_file), since, show))
        return

    async def work(app: App) -> None:
        await app.settle()
        await show(lambda: _from_ledger(app, since))

    run(work)


async def _from_ledger(app: App, since: str) -> dict[str, Any]:
    now = time()
    return to_details(await look(app.ledger, now, read_since(since, now)), await app.alerts.lost())


async def _from_gateway(
    settings: Settings, url: str, token: str, since: str, show: Callable[[Read], Awaitable[None]]
) -> None:
    from beastmode.transport import Network, Transport  # noqa: PLC0415 - only here is another machine asked

    transport = Transport(Network(settings.network.ca_bundle))
    try:
        await show(lambda: ask_gateway(transport, url, token, since))
    finally:
        await transport.aclose()


async def _watch(read: Read, interval: float, *, as_json: bool) -> None:
    console = out()
    if as_json or not console.is_terminal:
        while True:
            _print(await read(), as_json=as_json, indent=None)
            await asyncio.sleep(interval)
    from rich.live import Live  # noqa: PLC0415 - only here is anything live

    told: dict[str, Any] = {}
    console.soft_wrap = False  # a line that is too long for the screen goes on in the next one
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            trouble = ""
            try:
                told = await read()
            except AttemptFailed as error:  # a gateway that restarts comes back
                trouble = str(error)
            live.update(screen(told, trouble, console.width), refresh=True)
            await asyncio.sleep(interval)


def _print(told: dict[str, Any], *, as_json: bool, indent: int | None = 2) -> None:
    if as_json:
        typer.echo(json.dumps(told, indent=indent))
    else:
        console = out()
        console.print(screen(told, width=console.width), soft_wrap=not console.is_terminal)


def _token(settings: Settings, file: Path | None) -> str:
    """The gateway's token, which never stands among the arguments: those are seen by every user of the machine."""
    if file is None:
        if settings.gateway_token is None:
            fix = "Name its file with --token-file, or set BEASTMODE_TOKEN: `beastmode token` shows it"
            raise UserError("The gateway wants a token", fix)
        return settings.gateway_token.reveal()
    try:
        return file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"{file} cannot be read: {reason}", "Name the file that holds the token") from None
