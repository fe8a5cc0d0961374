"""The workflow test as a program, with the real built-in model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import platformdirs
import pytest

from beastmode.embedded.weights import weights_named

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = (
    platformdirs.user_cache_path("beastmode", appauthor=False) / "models" / weights_named("qwen2.5-coder-0.5b").file
)


@pytest.mark.e2e
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="run `beastmode models fetch` first")
def test_the_built_in_model_goes_all_the_way(tmp_path: Path) -> None:
    """Registered, listed, asked for code, timed and paid for; then the folder for temporary files is empty."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = os.environ | {
        "BEASTMODE_HOME": str(tmp_path / "home"),
        "BEASTMODE_MODEL_PATH": str(WEIGHTS),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, "-m", "beastmode", "workflow-test", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout)) == 5
    assert not [each.name for each in temporary.iterdir() if each.name.startswith("beastmode-workflow")]
