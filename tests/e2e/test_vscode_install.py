"""Real VS Code with nothing but the extension: the server that travels in the VSIX is installed on a click."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.e2e.places import OUT, fresh

pytestmark = pytest.mark.e2e


def test_the_extension_installs_its_own_server(editors: Path, vsix: Path, node_environment: dict[str, str]) -> None:
    """Offered once, can be cancelled without a word, and the server that was in the VSIX then answers."""
    environment = node_environment | {
        "EDITORS": str(editors),
        "OUT": str(fresh(OUT / "vscode-install")),
        "VSIX": str(vsix),
        "PIP_CACHE_DIR": node_environment.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
    }
    script = Path(__file__).parent / "vscode_install.mjs"
    done = subprocess.run(
        [editors / "bin" / "node", script], env=environment, check=False, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
