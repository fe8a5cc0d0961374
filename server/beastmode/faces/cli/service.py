"""`beastmode serve --install` and `--uninstall`: the gateway as a service that starts at login."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.faces.cli.render import out
from beastmode.operations.service import install, service_for, uninstall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.operations.service import Service


def install_service(arguments: Sequence[str], *, force: bool) -> None:
    """Write the service's file, and say how it is started.

    Args:
        arguments: of `beastmode serve`.
        force: replace a file that is not ours.
    """
    service = _service(arguments)
    changed = install(service, force=force)
    out().print(f"{'Wrote' if changed else 'Nothing has changed in'} {service.path}")
    if changed and service.kept.exists():
        out().print(f"What was there before is kept as {service.kept}")
    out().print(f"Start it now and at every login:  {service.start}")
    if os.environ.get("ENCRYPTION_KEY"):
        out().print("ENCRYPTION_KEY is not written down there: put it where the comment in the file says")


def uninstall_service() -> None:
    """Take the service's file away."""
    service = _service(())
    out().print(f"Removed {service.path}" if uninstall(service) else f"There is no {service.path}")
    if service.enabled is None:
        out().print(f"Stop it, if it runs:  {service.stop}")


def _service(arguments: Sequence[str]) -> Service:
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    moved = os.environ.get("BEASTMODE_HOME")
    kept = {"BEASTMODE_HOME": str(Path(moved).expanduser().absolute())} if moved else {}
    command = [sys.executable, "-m", "beastmode", "serve", *arguments]
    return service_for(sys.platform, home, config, command, kept)
