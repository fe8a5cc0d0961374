"""`beastmode backup` and `restore`: the database as one file, and back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import KeyUnreadable, UserError
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, complain, out
from beastmode.faces.cli.run import run
from beastmode.operations.backup import back_up
from beastmode.operations.backup import restore as put_back
from beastmode.settings import load

if TYPE_CHECKING:
    from beastmode.app import App

File = Annotated[Path, typer.Argument(help="Of the backup.")]


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    as_json: Json = False,
) -> None:
    """Write models, sealed keys, ledger and chats to one file, while editors go on using them.

    API keys stay sealed, and the master key is not in the file: copy it too, or set the keys anew after a restore.

    Example: beastmode backup ~/beastmode-2026-11.zip
    """
    database = _file()
    with bar("Copying the database") as say:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        manifest = back_up(database, file, now, force=force, say=lambda fraction: say("Copying the database", fraction))
    if as_json:
        typer.echo(json.dumps({"file": str(file), **asdict(manifest)}, indent=2))
    else:
        out().print(f"Backed up {manifest.bytes // 1000} kB to {file} (SHA-256 {manifest.sha256[:16]}…)")


def restore(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the database; what was there is kept under a dated name.

    Example: beastmode restore ~/beastmode-2026-11.zip
    """
    if not yes:
        typer.confirm(f"Replace models, keys, ledger and chats by those of {file}?", abort=True)
    database = _file()
    manifest, kept = put_back(file, database)
    if as_json:
        told = {"file": str(file), "kept": str(kept) if kept else None, **asdict(manifest)}
        typer.echo(json.dumps(told, indent=2))
    else:
        out().print(f"Restored the backup of {manifest.made_at}")
        if kept is not None:
            out().print(f"What was there before is kept as {kept}")
    run(_unreadable)


def _file() -> Path:
    """What is backed up; a team's PostgreSQL has backups of its own."""
    settings, _ = load(os.environ)
    if settings.database_url is not None:
        raise UserError(
            "The database is a PostgreSQL server's", "Back it up, and restore it, with pg_dump and pg_restore"
        )
    return settings.paths.database


async def _unreadable(app: App) -> None:
    """Open the restored database, which brings an older schema up to date, and name what does not open here."""
    for model in app.registry.models:
        if model.has_key:
            try:
                await app.registry.key_of(model)
            except KeyUnreadable as error:
                complain(error.message, error.fix)
    for unreadable in await app.alerts.targets.unreadable():
        complain(unreadable.message, unreadable.fix)
