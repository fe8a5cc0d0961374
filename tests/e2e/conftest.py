"""The real editors, and what they need: installed once into a cache folder, by the scripts that everybody uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.places import OUT, ROOT, fresh


def _run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a program of the repository, its progress shown as it comes; answers its standard output."""
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def editors() -> Path:
    """The folder of scripts/install-editors.sh; the first run takes about 90 s."""
    return Path(_run(ROOT / "scripts" / "install-editors.sh").strip().splitlines()[-1])


@pytest.fixture(scope="session")
def node_environment(editors: Path) -> dict[str, str]:
    """An environment in which `node` and `npm` are ours."""
    return os.environ | {"PATH": f"{editors / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def node_modules(node_environment: dict[str, str]) -> Path:
    """What the extension and the dashboard are built with."""
    installed = ROOT / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (ROOT / "package-lock.json").stat().st_mtime:
        _run("npm", "ci", env=node_environment)
    return ROOT / "node_modules"


@pytest.fixture(scope="session")
def vsix(node_environment: dict[str, str], node_modules: Path) -> Path:
    """The extension as users get it."""
    _run("npm", "run", "package", env=node_environment)
    return ROOT / "beastmode.vsix"


@pytest.fixture(scope="session")
def server_folder() -> Path:
    """A folder with the program `beastmode`, for PATH: this checkout's server under this Python."""
    program = fresh(OUT / "bin") / "beastmode"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT / "server"}" exec "{sys.executable}" -m beastmode "$@"\n')
    program.chmod(0o755)
    return program.parent
