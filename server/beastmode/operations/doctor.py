"""Looks over the installation: each finding with its evidence and a fix."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

from beastmode.operations.model_checks import Check

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.settings import Settings

OLDEST_PYTHON = (3, 11)
SPARE_DISK = 200_000_000


def examine(settings: Settings, *, key_source: str, fetched: bool, version: tuple[int, int, int]) -> list[Check]:
    """Check Python, folders, disk, the master key and the built-in model.

    Args:
        settings: the user's.
        key_source: as `Vault.source` says.
        fetched: whether the weights of the built-in model are there.
        version: of Python.
    """
    paths = settings.paths
    return [
        Check("Python", version[:2] >= OLDEST_PYTHON, ".".join(map(str, version[:3])), "Install Python 3.11 or newer"),
        Check("Configuration", ok=True, evidence=f"{paths.config_file} ({_presence(paths.config_file)})"),
        Check(
            "Database",
            os.access(paths.database, os.W_OK),
            str(paths.database),
            "Make the file and its folder writable for you, or set BEASTMODE_HOME to another folder",
        ),
        Check(
            "Disk",
            shutil.disk_usage(paths.home).free > SPARE_DISK,
            f"{shutil.disk_usage(paths.home).free // 1_000_000} MB free",
            "Make room: the ledger and the log cannot grow",
        ),
        Check("Master key", ok=True, evidence=f"API keys are sealed with {key_source}"),
        Check(
            "Built-in runtime",
            find_spec("xllamacpp") is not None,
            "xllamacpp",
            "Run `pip install 'beastmode[builtin]'`, if you want the built-in model",
        ),
        Check(
            "Built-in model",
            fetched,
            settings.builtin.model,
            "Run `beastmode models fetch`, if you want the built-in model",
        ),
        Check("Log", ok=True, evidence=str(paths.log_file)),
    ]


def _presence(path: Path) -> str:
    return "read" if path.exists() else "not there, defaults apply"
