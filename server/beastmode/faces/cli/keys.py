"""`beastmode keys …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.faces.cli.models import ModelId
from beastmode.faces.cli.render import out
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from beastmode.app import App


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("set")(set_)
    group.command("rotate")(rotate)
    return group


def set_(
    model_id: ModelId, forget: Annotated[bool, typer.Option("--forget", help="Remove the stored key.")] = False
) -> None:
    """Store the API key of a model, read from a hidden prompt or from standard input."""
    key = None
    if not forget:
        key = typer.prompt("API key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")

    async def work(app: App) -> None:
        await app.registry.set_key(model_id, key)
        out().print(f"{'Removed' if forget else 'Sealed'} the key of {model_id} (with {app.vault.source})")

    run(work)


def rotate() -> None:
    """Make a new master key and seal every API key with it, all or none."""

    async def work(app: App) -> None:
        count = await app.registry.rotate_keys()
        out().print(f"{count} keys are sealed with a new master key ({app.vault.source})")

    run(work)
