"""Whether the editors' extension, the `beastmode` that they find, and this program are of one version."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from beastmode import __version__
from beastmode.operations.model_checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOLDERS = {
    "VS Code": (".vscode/extensions", ".vscode-server/extensions"),
    "VS Code Insiders": (".vscode-insiders/extensions", ".vscode-server-insiders/extensions"),
    "VSCodium": (".vscode-oss/extensions",),
    "Cursor": (".cursor/extensions", ".cursor-server/extensions"),
    "Windsurf": (".windsurf/extensions",),
    "code-server": (".local/share/code-server/extensions",),
}
"""Where editors of that family keep extensions, below the user's home."""

TIMEOUT_S = 15
_NAME = "beastmode.beastmode-*"


def extensions(home: Path) -> Iterator[Check]:
    """The version of the extension in each editor that has it."""
    for editor, folders in FOLDERS.items():
        manifests = [path for folder in folders for path in sorted((home / folder).glob(f"{_NAME}/package.json"))]
        versions = [version for version in map(_version_of, manifests) if version]
        if versions:
            yield Check(
                f"Extension in {editor}",
                ok=__version__ in versions,
                evidence=f"{', '.join(versions)} (this program is {__version__})",
                fix="Run `make vsix` in a checkout of this version, and install beastmode.vsix in the editor",
            )


def _version_of(manifest: Path) -> str:
    try:
        found = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return ""
    return str(found.get("version", "")) if isinstance(found, dict) else ""


def server(environment: Mapping[str, str]) -> Check:
    """The `beastmode` that an editor finds on PATH."""
    name = "Server on PATH"
    found = shutil.which("beastmode", path=environment.get("PATH"))
    if found is None:
        beside = shutil.which("beastmode", path=str(sys.executable).rpartition("/")[0]) or sys.executable
        return Check(name, ok=True, evidence=f"none; editors must be told where it is: {beside}")
    try:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - the user's own program, as the editor would run it
        version = said.stdout.strip().removeprefix("beastmode ")
    except (OSError, subprocess.TimeoutExpired) as error:
        version = f"does not run ({type(error).__name__})"
    fix = f"Run `pip install --upgrade beastmode` there, or point the editor at {sys.executable}"
    return Check(name, version == __version__, f"{found}: {version or 'does not say its version'}", fix)
