"""Files that a command writes: whole or not at all, and never over another one without asking."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def agreed(path: Path, *, force: bool) -> bool:
    """Whether a file there may be replaced. Asked before the work is done; a person is asked, a script is not.

    Raises:
        UserError: there is one, and nobody agreed; or it is a folder.
        typer.Abort: the person said no.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder", "Name a file in it")
    if force or not path.exists():
        return force
    if not sys.stdin.isatty():
        raise UserError(f"{path} is there already", "Name another file, or repeat with --force to replace it")
    return typer.confirm(f"{path} is there already. Replace it?", abort=True, err=True)


def write_to(path: Path | None, content: bytes, *, replace: bool) -> None:
    """To a file, as `write_whole` does, and say so; to standard output where there is none."""
    if path is None:
        sys.stdout.write(content.decode())
        return
    write_whole(path, content, replace=replace)
    typer.echo(f"Written to {path}")


def write_whole(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file; what was there stays as it was until the new one is complete.

    Raises:
        UserError: there is one, and `replace` is False.
        OSError: it cannot be written; nothing is left behind.
    """
    made = path.with_name(f".{path.name}.{os.getpid()}") if replace else path
    try:
        with made.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UserError(f"{path} is there already", "Name another file, or repeat with --force to replace it") from None
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    if replace:
        made.replace(path)
