"""`beastmode users …`: who else may use this machine's gateway, which models, for how much."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import err, out, table
from beastmode.faces.cli.route import amount
from beastmode.faces.cli.run import run
from beastmode.operations.status import dollars
from beastmode.registry.users import EVERY, WORKSPACE, User

if TYPE_CHECKING:
    from decimal import Decimal

    from beastmode.app import App

Name = Annotated[str, typer.Argument(help="The user's name.")]
Whom = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, or * for everybody.")]
Models = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="An id as `beastmode models list` shows it, or * for all.")
]
Workspaces = Annotated[
    list[str] | None, typer.Option("--workspace", "-w", help="The name of a workspace that `serve` was given, or *.")
]
Daily = Annotated[str | None, typer.Option("--daily-cap", help="US dollars a day, or none.")]
Monthly = Annotated[str | None, typer.Option("--monthly-cap", help="US dollars a month, or none.")]
Rate = Annotated[int | None, typer.Option("--per-minute", min=0, help="Requests a minute; 0: no limit.")]


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_)
    group.command("allow")(allow)
    group.command("deny")(deny)
    group.command("limit")(limit)
    group.command("token")(token)
    group.command("remove")(remove)
    return group


def add(  # noqa: PLR0917 - one option a decision of the owner
    name: Name,
    model: Models = None,
    workspace: Workspaces = None,
    daily_cap: Daily = None,
    monthly_cap: Monthly = None,
    per_minute: Rate = None,
    as_json: Json = False,
) -> None:
    """Let somebody in, and print their token, which is shown this once.

    They may ask the models named here and those that everybody may ask (`beastmode users allow '*' …`), no others.

    Example: beastmode users add ada --model custom:my-code-model --daily-cap 5
    """

    async def work(app: App) -> None:
        user = _limited(User(name), daily_cap, monthly_cap, per_minute)
        made = await app.registry.users.add(replace(user, models=frozenset(_ids(app, model, workspace))))
        if as_json:
            typer.echo(json.dumps({"name": name, "token": made}))
            return
        typer.echo(made)
        err().print(f"This is the token of {name}, shown once; `beastmode users token {name}` makes another.")

    run(work)


def list_(as_json: Json = False) -> None:
    """Every user, with what they may ask and spend, and what they have spent today."""

    async def work(app: App) -> None:
        users = app.registry.users
        spent = {user.name: await app.spent_today(user.name) for user in users.all}
        if as_json:
            rows = [
                {
                    "name": user.name,
                    "models": sorted(user.models - users.public),
                    "daily_cap": _text(user.daily_cap),
                    "monthly_cap": _text(user.monthly_cap),
                    "per_minute": user.requests_per_minute,
                    "spent_today": f"{spent[user.name]:f}",
                }
                for user in users.all
            ]
            typer.echo(json.dumps({"users": rows, "everybody": sorted(users.public)}, indent=2))
            return
        rows_ = (
            (
                user.name,
                ", ".join(sorted(user.models - users.public)) or "none of their own",
                dollars(user.daily_cap) or "none",
                dollars(user.monthly_cap) or "none",
                user.requests_per_minute or "no limit",
                dollars(spent[user.name]),
            )
            for user in users.all
        )
        out().print(table(("name", "may use", "daily cap", "monthly cap", "a minute", "spent today"), rows_))
        if users.public:
            out().print(f"Everybody may use {', '.join(sorted(users.public))}")

    run(work)


def allow(name: Whom, model: Models = None, workspace: Workspaces = None) -> None:
    """Let a user, or everybody (*), ask models, or have them see a workspace."""
    run(lambda app: app.registry.users.grant(name, _ids(app, model, workspace)))


def deny(name: Whom, model: Models = None, workspace: Workspaces = None) -> None:
    """Take back what `allow` gave."""
    run(lambda app: app.registry.users.revoke(name, [*(model or ()), *(WORKSPACE + each for each in workspace or ())]))


def limit(name: Name, daily_cap: Daily = None, monthly_cap: Monthly = None, per_minute: Rate = None) -> None:
    """Set what a user may spend and how often they may ask; what is not named stays."""

    async def work(app: App) -> None:
        users = app.registry.users
        await users.limit(_limited(users.get(name), daily_cap, monthly_cap, per_minute))

    run(work)


def token(name: Name) -> None:
    """Make a new token for a user, shown once; the old one is worth nothing from now on."""

    async def work(app: App) -> None:
        typer.echo(await app.registry.users.renew(name))

    run(work)


def remove(name: Name) -> None:
    """Let a user in no longer; what they spent stays in the ledger."""
    run(lambda app: app.registry.users.remove(name))


def _ids(app: App, models: list[str] | None, workspaces: list[str] | None) -> list[str]:
    """What is granted; a model that there is not is refused, so that a typo shows."""
    named = [each if each == EVERY else app.registry.get(each).id for each in models or ()]
    return [*named, *(WORKSPACE + each for each in workspaces or ())]


def _limited(user: User, daily: str | None, monthly: str | None, per_minute: int | None) -> User:
    if daily is not None:
        user = replace(user, daily_cap=_cap("--daily-cap", daily))
    if monthly is not None:
        user = replace(user, monthly_cap=_cap("--monthly-cap", monthly))
    if per_minute is not None:
        user = replace(user, requests_per_minute=per_minute or None)
    return user


def _cap(option: str, text: str) -> Decimal | None:
    cap = amount(option, text)
    if cap is not None and (not cap.is_finite() or cap < 0):
        raise typer.BadParameter(f"{option}: {text} is no amount; enter dollars such as 5, or none")
    return cap


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
