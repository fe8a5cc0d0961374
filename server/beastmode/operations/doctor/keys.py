"""Whether there is a place for the master key, and whether every sealed key opens with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError
from beastmode.operations.model_checks import Check
from beastmode.registry.system_keyring import SystemKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beastmode.registry import Registry, Vault


async def keys(registry: Registry, vault: Vault, key_file: Path) -> list[Check]:
    """The keyring, the files of master keys, and the key of every model."""
    await vault.look()
    found = [
        _keyring(),
        *_files(key_file),
        Check("Master key", ok=True, evidence=f"keys are sealed with {vault.source}"),
    ]
    for model in registry.models:
        if not model.has_key:
            continue
        try:
            await registry.key_of(model)
        except BeastModeError as error:
            found.append(Check(f"Key of {model.id}", ok=False, evidence=error.message, fix=error.fix))
        else:
            found.append(Check(f"Key of {model.id}", ok=True, evidence="opens"))
    return found


def _keyring() -> Check:
    name = SystemKeyring().name()
    evidence = name or "none; master keys are files that only you can read, or come from ENCRYPTION_KEY"
    return Check("Keyring", ok=True, evidence=evidence)


def _files(key_file: Path) -> Iterator[Check]:
    for path in sorted(key_file.parent.glob(f"{key_file.stem}*{key_file.suffix}")):
        mode = path.stat().st_mode & 0o777
        is_private = os.name != "posix" or not mode & 0o077
        yield Check("Key file", is_private, f"{path} (mode {mode:04o})", f"Run `chmod 600 {path}`")
