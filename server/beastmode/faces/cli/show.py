"""`beastmode status` and `doctor`: look at what is. And `lsp`, which an editor starts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, checks, err
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.status import lines

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.operations.model_checks import Check
    from beastmode.operations.status import Status


def lsp() -> None:
    """Run the language server over standard input and output; an editor starts it."""
    from beastmode.faces.lsp.main import main as serve  # noqa: PLC0415 - reached only with options before `lsp`

    serve()


def status(as_json: Json = False) -> None:
    """The selected model, its health, and today's figures.

    Example: beastmode status --json
    """

    async def work(app: App) -> None:
        await app.settle()
        found = await app.condition.status()
        if as_json:
            typer.echo(json.dumps(told(found), indent=2))
        else:
            for line in lines(found):
                typer.echo(line)

    run(work)


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no endpoint.")] = False,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE.zip", help="Also write what a bug report needs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the installation, with a fix for what is wrong.

    Python, configuration, database, disk, keys, certificates, proxies, editors, and the endpoint of every model, by a
    free question. Exits with 1 if something is wrong. A bundle holds no key, name, path, host or code: look into it.

    Example: beastmode doctor --bundle report.zip
    """
    from beastmode.operations.doctor import bundle as report  # noqa: PLC0415 - `status`, here too, needs none of it
    from beastmode.operations.doctor import examine  # noqa: PLC0415 - the same

    async def work(app: App) -> list[Check]:
        with bar("Looking") as say:
            found = await examine(app, os.environ, lambda what: say(f"Looking at {what}"), offline=offline)
            if bundle is not None:
                say("Writing the bundle")
                report.write(await report.bundle(app, found, time()), bundle)
        return found

    found = run(work)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2))
    else:
        checks(found)
    if bundle is not None:
        err().print(f"Wrote {bundle}. Look into it before you send it")
    if not all(check.ok for check in found):
        raise typer.Exit(FAILED)


def told(status: Status) -> dict[str, object]:
    """The status for scripts: seconds, shares, and dollars as decimal texts; null where something is not known."""
    today = status.today
    money = {"cost": today.cost, "savings_low": today.savings_low, "savings_high": today.savings_high}
    return {
        "activity": status.activity,
        "model": status.model.id if status.model else None,
        "health": str(status.health.level),
        "issues": list(status.health.issues),
        "requests": today.requests,
        "cancelled": today.cancelled,
        "success_rate": today.success_rate,
        "p95_s": today.p95_s,
        "estimated": today.estimated,
        **{name: None if amount is None else f"{amount:f}" for name, amount in money.items()},
        "keys": status.key_source,
        "notice": status.notice.text if status.notice else None,
        "fix": status.notice.fix if status.notice else None,
    }
