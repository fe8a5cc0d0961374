"""`beastmode check`: whether all is well, as an exit code for cron."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import IntEnum
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import BeastModeError
from beastmode.domain.routing import HealthLevel
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import checks, complain
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.operations.check import Checked


class Verdict(IntEnum):
    """The exit codes of `check`."""

    HEALTHY = 0
    ILL = 1
    UNKNOWN = 2


VERDICTS = {HealthLevel.HEALTHY: Verdict.HEALTHY, HealthLevel.UNKNOWN: Verdict.UNKNOWN}


def check(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what has changed.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether all is well, for cron: 0 healthy, 1 ill, 2 could not tell.

    Ill is degraded or unhealthy, and what has changed is what has since the last time.

    Asks every endpoint a free question, looks at how the models did in the last quarter of an hour, and delivers the
    alerts that are due.

    Example: */5 * * * * beastmode check --quiet
    """

    async def work(app: App) -> Checked | None:
        from beastmode.operations.check import check as look  # noqa: PLC0415 - not before the app is there

        try:
            found = await look(app, time())
            await app.alerts.look()
            await app.alerts.tell()
        except BeastModeError as error:
            complain(error.message, error.fix)
            return None
        return found

    try:
        found = run(work)
    except typer.Exit as ended:
        raise (typer.Exit(Verdict.UNKNOWN) if ended.exit_code == Verdict.ILL else ended) from None
    if found is not None:
        _print(found, quiet=quiet, as_json=as_json)
    raise typer.Exit(Verdict.UNKNOWN if found is None else VERDICTS.get(found.level, Verdict.ILL))


def _print(found: Checked, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        told = [asdict(each.check) for each in found.findings]
        typer.echo(json.dumps({"status": found.level.value, "checks": told, "changes": found.changes}, indent=2))
        return
    if not quiet:
        checks(each.check for each in found.findings)
        typer.echo("There is no model to look at" if not found.findings else f"All in all: {found.level}")
        if found.changes:
            typer.echo("New:")
    for change in found.changes:
        typer.echo(change if quiet else f"  {change}")
