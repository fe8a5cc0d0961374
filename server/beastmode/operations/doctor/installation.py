"""Python, the files and the disk that they need, and the built-in model."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

from beastmode.operations.model_checks import Check
from beastmode.store import StoreError, upkeep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beastmode.settings import BuiltinSettings, Settings

OLDEST_PYTHON = (3, 11)
SPARE_DISK = 200_000_000


def python(version: tuple[int, int, int]) -> Check:
    """Whether this Python is new enough."""
    said = ".".join(map(str, version))
    return Check("Python", version[:2] >= OLDEST_PYTHON, said, "Install Python 3.11 or newer")


def files(settings: Settings, database_name: str) -> list[Check]:
    """The configuration, the database, the log and the room that they have. Reads the whole database.

    Args:
        settings: the user's.
        database_name: as the open database calls itself.
    """
    paths = settings.paths
    found = [_configuration(paths.config_file)]
    if database_name == str(paths.database):
        found += _database(paths.database)
    else:
        found.append(Check("Database", ok=True, evidence=database_name))
    return [*found, *_disks((paths.home, paths.models_dir)), _log(paths.log_file)]


def _configuration(path: Path) -> Check:
    # A wrong value in it is named in a notice whenever a command starts.
    damaged = sorted(path.parent.glob(f"{path.name}.damaged-*"))
    if damaged:
        fix = f"Mend it and rename it to {path.name}, or remove it"
        return Check("Configuration", ok=False, evidence=f"{damaged[-1]} was set aside", fix=fix)
    return Check("Configuration", ok=True, evidence=f"{path} ({'read' if path.exists() else 'none, defaults apply'})")


def _database(path: Path) -> Iterator[Check]:
    writable = "Make the file and its folder writable for you, or set BEASTMODE_HOME to another folder"
    yield Check("Database", os.access(path, os.W_OK), str(path), writable)
    try:
        verdict = upkeep.check(path)
    except StoreError as error:
        yield Check("Database integrity", ok=False, evidence=error.message, fix=error.fix)
        return
    size = path.stat().st_size
    yield Check(
        "Database integrity",
        ok=not verdict.problems,
        evidence="; ".join(verdict.problems) or f"{size // 1000} kB without damage",
        fix="Run `beastmode backup`, then restart: a damaged file is set aside; `beastmode restore` puts a backup back",
    )
    newest = upkeep.newest_version()
    yield Check("Database schema", verdict.version == newest, verdict.version, f"Restart, to bring it to {newest}")


def _disks(folders: tuple[Path, ...]) -> Iterator[Check]:
    for name, folder in zip(("Disk", "Disk of the models"), folders, strict=True):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        free = shutil.disk_usage(there).free
        yield Check(
            name,
            free > SPARE_DISK,
            f"{free // 1_000_000} MB free",
            "Make room: the ledger and the log cannot grow (`beastmode ledger vacuum` gives back what was removed)",
        )


def _log(path: Path) -> Check:
    there = next(place for place in (path, *path.parents) if place.exists())
    return Check("Log", os.access(there, os.W_OK), str(path), "Make the file and its folder writable for you")


def builtin(settings: BuiltinSettings, *, fetched: bool) -> list[Check]:
    """The runtime and the weights of the built-in model; nothing where it is switched off."""
    if not settings.enabled:
        return [Check("Built-in model", ok=True, evidence="switched off")]
    wanted = "if you want the built-in model; BEASTMODE_BUILTIN__ENABLED=false says that you do not"
    return [
        Check(
            "Built-in runtime",
            find_spec("xllamacpp") is not None,
            "xllamacpp",
            f"Run `pip install 'beastmode[builtin]'`, {wanted}",
        ),
        Check("Built-in model", fetched, settings.model, f"Run `beastmode models fetch`, {wanted}"),
    ]
