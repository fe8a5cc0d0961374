"""`beastmode keys …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import KeyUnreadable
from beastmode.faces.cli.render import err, out
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from beastmode.app import App


Holder = Annotated[str, typer.Argument(help="A model's id, or a provider's, such as openai.")]


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("set")(set_)
    group.command("rotate")(rotate)
    return group


def set_(
    holder: Holder, forget: Annotated[bool, typer.Option("--forget", help="Remove the stored key.")] = False
) -> None:
    """Store the API key of a model or a provider, read from a hidden prompt or from standard input."""
    key = None if forget else secret("API key")

    async def work(app: App) -> None:
        origin = await app.registry.set_key(holder, key)
        if forget:
            out().print(f"Removed the key of {holder}")
        else:
            out().print(f"Sealed the key of {holder} with {app.vault.source}; it goes to {origin} and nowhere else")

    run(work)


def rotate() -> None:
    """Make a new master key and seal every API key with it, all or none.

    After a change of ENCRYPTION_KEY it asks for the old passphrase, or reads it from standard input.
    """

    async def work(app: App) -> None:
        try:
            count = await app.registry.rotate_keys()
        except KeyUnreadable as error:
            err().print(error.message)
            count = await app.registry.rotate_keys(secret("What ENCRYPTION_KEY was before"))
        out().print(f"Sealed {count} keys anew, with {app.vault.source}")

    run(work)


def secret(title: str) -> str:
    """From a hidden prompt where there is a person, else the next line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(title, hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")
