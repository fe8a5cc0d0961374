"""`beastmode db …`: the database itself: what it is, and the move from a file to a team's server."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli.ending import ending
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, complain, out, table
from beastmode.settings import load


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("info")(info)
    group.command("copy")(copy)
    return group


def info(*, as_json: Json = False) -> None:
    """Show which database is used, how large it is, and how many rows it has.

    Example: beastmode db info --json
    """
    from beastmode.store.inventory import inventory  # noqa: PLC0415 - the database only where it is asked for

    settings, _ = load(os.environ)
    with ending():
        found = inventory(settings.paths.database, settings.database_url.reveal() if settings.database_url else None)
        if as_json:
            typer.echo(json.dumps(asdict(found), indent=2))
            return
        out().print(f"{found.name}\n{found.kind}, {found.bytes // 1000} kB, schema {found.schema}", highlight=False)
        out().print(table(("table", "rows"), ((name, count) for name, count in found.rows.items() if count)))


def copy(
    *,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The SQLite database; otherwise your own.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="postgresql://…; otherwise BEASTMODE_DATABASE_URL.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy models, sealed keys, users, ledger and chats from a SQLite file to an empty PostgreSQL database.

    All or nothing: one transaction, rows counted and numbers added up on both sides before it counts. The file stays
    as it is. Keys stay sealed; the master key does not travel. A URL with a password is safer in
    BEASTMODE_DATABASE_URL, since others on this machine can see the arguments of a program.

    Example: beastmode db copy --to postgresql://beastmode@db.example/beastmode
    """
    settings, _ = load(os.environ)
    own = settings.database_url.reveal() if settings.database_url else None
    url = target or own
    with ending():
        if url is None:
            raise UserError("There is nowhere to copy to", "Give --to, or set BEASTMODE_DATABASE_URL")
        try:
            from beastmode.store.copying import copy as copy_all  # noqa: PLC0415 - an extra that few have
        except ImportError:
            raise UserError(
                "PostgreSQL needs psycopg, which is not installed", "Run `pip install 'beastmode[postgres]'`"
            ) from None
        with bar("Copying the database") as say:
            copied = copy_all(source or settings.paths.database, url, say)
        if as_json:
            typer.echo(json.dumps(asdict(copied), indent=2))
        else:
            rows = sum(copied.rows.values())
            out().print(
                f"Copied {rows} rows of {len(copied.rows)} tables; {copied.sums} sums are the same on both sides"
            )
        if copied.rows.get("sealed_keys") and settings.encryption_key is None:
            complain(
                "The keys are sealed with a master key of this machine, which others do not have",
                "Set ENCRYPTION_KEY, run `beastmode keys rotate` on the new database, and set it on every machine",
            )
