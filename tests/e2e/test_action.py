"""The GitHub action's steps, run with bash on a real checkout as GitHub's runner runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.action_runner import Ran, plain_environment, run_action
from tests.support.background import serving

from beastmode.settings import load

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CODE = (
    "def total(prices):\n    result = 0\n    for price in prices:\n        result = result + price\n    return result\n"
)
BETTER = "def total(prices):\n    return sum(prices)\n"
ANSWER = f"cart.py\n<<<<<<< SEARCH\n{CODE}=======\n{BETTER}>>>>>>> REPLACE\n"
EVIL = '$(touch owned); `touch owned`; "; touch owned; #\n--yes --model=x ${{ github.token }}'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "check out"
    root.mkdir()
    (root / "cart.py").write_text(CODE, encoding="utf-8")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The runner's folder, in which the program is installed already: the one under test."""
    folder = tmp_path / "run ner"
    (folder / "beastmode" / "bin").mkdir(parents=True)
    (folder / "beastmode" / "bin" / "beastmode").symlink_to(Path(sys.executable).parent / "beastmode")
    return folder


def act(checkout: Path, temporary: Path, skip: str = "Install", **inputs: str) -> Ran:
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    environment = plain_environment(temporary)
    weights = load(os.environ)[0].paths.models_dir
    found = next(weights.glob("*0.5b*.gguf"), None) if weights.is_dir() else None
    if found is not None:
        environment["BEASTMODE_MODEL_PATH"] = str(found)
    return run_action(ROOT / "action.yml", given, checkout, temporary, environment=environment, skip=skip)


def test_a_refactor_by_a_model_of_ones_own(checkout: Path, temporary: Path) -> None:
    """The change is written, the diff is kept, the summary has the cost, and no input was a part of a script."""
    with serving(ANSWER) as server:
        ran = act(
            checkout,
            temporary,
            task="refactor",
            instruction=EVIL,
            files="cart.py",
            model="mine",
            endpoint_url=f"{server.url}/v1",
            api_key="sk-action-0123456789",
            price="1/2",
        )
        asked = json.dumps([json.loads(json.dumps(each, default=str)) for each in server.stats.last], default=str)
    assert ran.code == 0, ran.said
    assert (checkout / "cart.py").read_text(encoding="utf-8") == BETTER
    assert ran.outputs["changed"] == "true"
    diff = Path(ran.outputs["diff"]).read_text(encoding="utf-8")
    patched = subprocess.run(["git", "diff", "--", "cart.py"], cwd=checkout, capture_output=True, text=True, check=True)
    assert [line for line in diff.splitlines() if line[:1] in "+-"] == [
        line for line in patched.stdout.splitlines() if line[:1] in "+-"
    ]
    assert float(ran.outputs["cost"]) > 0
    assert "| custom:mine | $0.0" in ran.summary
    assert "+    return sum(prices)" in ran.summary
    assert "touch owned" in asked
    assert not list(checkout.rglob("owned"))
    assert ran.used == ["actions/upload-artifact@v4"]
    everything = (
        ran.said
        + ran.summary
        + "".join(
            path.read_text(encoding="utf-8", errors="replace")
            for path in temporary.rglob("*")
            if path.is_file() and not path.is_symlink()
        )
    )
    assert "sk-action-0123456789" not in everything


def test_a_diff_only(checkout: Path, temporary: Path) -> None:
    """Without `write` the checkout stays as it is."""
    with serving(ANSWER) as server:
        url = f"{server.url}/v1"
        ran = act(checkout, temporary, task="refactor", files="cart.py", model="m", endpoint_url=url, write="false")
    assert (ran.code, ran.outputs["changed"]) == (0, "true"), ran.said
    assert (checkout / "cart.py").read_text(encoding="utf-8") == CODE


def test_what_fails_fails_the_job_and_says_why(checkout: Path, temporary: Path) -> None:
    """An endpoint that is not there; a task that there is not."""
    ran = act(checkout, temporary, task="refactor", model="m", endpoint_url="http://127.0.0.1:9/v1")
    assert ran.code == 1
    assert "refused" in ran.said
    with serving(ANSWER) as server:
        ran = act(checkout, temporary, task="--help", model="m", endpoint_url=f"{server.url}/v1")
    assert ran.code == 2
    assert "none of" in ran.said


def test_with_the_built_in_model(checkout: Path, temporary: Path) -> None:
    """Nothing to register, no key: the built-in model explains the file; a small model's edits are not relied on."""
    ran = act(checkout, temporary, task="explain", instruction="What does it do?", files="cart.py")
    assert ran.code == 0, ran.said
    assert ran.outputs["changed"] == "false"
    assert "custom:builtin" in ran.summary
