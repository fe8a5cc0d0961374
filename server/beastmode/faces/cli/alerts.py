"""`beastmode alerts …`: what is watched, who is told, and what was told."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import BeastModeError
from beastmode.faces.cli.keys import secret
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import complain, out, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.alerts.rules import KINDS, parse_rule

if TYPE_CHECKING:
    from beastmode.app import App

KIND_HELP = "; ".join(f"{name}: {kind.help}{f' ({kind.limit})' if kind.limit else ''}" for name, kind in KINDS.items())
Name = Annotated[str, typer.Argument(help="As `beastmode alerts list` shows it.")]


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("target")(target)
    group.command("add")(add)
    group.command("list")(list_)
    group.command("remove")(remove)
    group.command("test")(try_)
    group.command("history")(history)
    return group


def target(name: Annotated[str, typer.Argument(help="What you call it.")]) -> None:
    """Add who is told; its address is read from a hidden prompt or from standard input, and sealed like an API key.

    The address is the webhook that Slack, Teams or Discord gives you, the https:// address of any webhook, or
    mailtos://user:password@mail.example.com?to=me@example.com

    Example: beastmode alerts target team < address.txt
    """
    url = secret("Address")

    async def work(app: App) -> None:
        added = await app.alerts.targets.add(name, url.strip(), time())
        out().print(f"{added.name} ({added.service}) is told from now on. Try it: beastmode alerts test {added.name}")

    run(work)


def add(  # noqa: PLR0917 - one option a field of the rule
    kind: Annotated[str, typer.Argument(help=f"What is watched, with its usual limit. {KIND_HELP}.")],
    limit: Annotated[str, typer.Option("--limit", help="90%, 5s, 10 (US dollars), or degraded or unhealthy.")] = "",
    model: Annotated[str, typer.Option("--model", help="Only this model.")] = "",
    window: Annotated[str, typer.Option("--window", help="The time that is looked at, such as 15m.")] = "",
    lasting: Annotated[str, typer.Option("--for", help="How long it must last, such as 5m.")] = "",
    cooldown: Annotated[str, typer.Option("--cooldown", help="Nothing more is told for so long; 1h.")] = "",
    to: Annotated[list[str] | None, typer.Option("--to", help="A target; repeat it. Else all of them.")] = None,
    recovery: Annotated[bool, typer.Option("--recovery/--no-recovery", help="Tell the end as well.")] = True,
    name: Annotated[str, typer.Option("--name", help="Of the rule; one of that name is replaced.")] = "",
) -> None:
    """Add a rule.

    Examples: beastmode alerts add success-rate --limit 95% --for 5m; beastmode alerts add spend-day --limit 10
    """
    rule = parse_rule(
        kind,
        name=name,
        limit=limit,
        model=model,
        window=window,
        lasting=lasting,
        cooldown=cooldown,
        recovery=recovery,
        targets=tuple(to or ()),
    )

    async def work(app: App) -> None:
        await app.alerts.add(rule)
        out().print(f"{rule.name}: an alert when {rule}")
        if not await app.alerts.targets.all():
            out().print("There is nobody to tell yet: `beastmode alerts target NAME`")

    run(work)


def list_(as_json: Json = False) -> None:
    """The rules, and who is told."""

    async def work(app: App) -> None:
        rules, targets = await app.alerts.outbox.rules(), await app.alerts.targets.all()
        if as_json:
            told = {"rules": [asdict(rule) for rule in rules], "targets": [each._asdict() for each in targets]}
            typer.echo(json.dumps(told, indent=2))
            return
        rows = [(rule.name, f"when {rule}", ", ".join(rule.targets) or "all targets") for rule in rules]
        out().print(table(("rule", "", "tells"), rows))
        out().print(table(("target", ""), targets) if targets else "There is nobody to tell yet")

    run(work)


def remove(name: Name) -> None:
    """Remove a rule, or a target with its address and what still waits for it."""

    async def work(app: App) -> None:
        if name in {rule.name for rule in await app.alerts.outbox.rules()}:
            await app.alerts.remove(name)
        else:
            await app.alerts.targets.remove(name)
        out().print(f"Removed {name}")

    run(work)


def try_(name: Annotated[str, typer.Argument(help="A target; else all of them.")] = "") -> None:
    """Tell a target that this is a test, now. Exits with 1 where it does not arrive."""

    async def work(app: App) -> None:
        names = [name] if name else [each.name for each in await app.alerts.targets.all()]
        failed = False
        for each in names:
            try:
                await app.alerts.test(each)
            except BeastModeError as error:
                complain(error.message, error.fix)
                failed = True
            else:
                out().print(f"{each} was told")
        if not names:
            out().print("There is nobody to tell yet: `beastmode alerts target NAME`")
        if failed:
            raise typer.Exit(FAILED)

    run(work)


def history(
    count: Annotated[int, typer.Option("--count", "-n", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """What was told, to whom, and whether it arrived; the newest first."""

    async def work(app: App) -> None:
        rows = await app.alerts.outbox.history(count)
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
            return
        columns = ("time", "rule", "", "what", "to", "state", "")
        out().print(table(columns, [_told(row) for row in rows]))

    run(work)


def _told(row: dict[str, object]) -> tuple[object, ...]:
    when = datetime.fromtimestamp(float(str(row["at"]))).astimezone().strftime("%b %d %H:%M:%S")
    state = row["state"] or "nobody to tell"
    return when, row["rule"], row["turn"], row["text"], row["target"], state, row["error"] or ""
