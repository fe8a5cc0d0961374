"""`beastmode run tests` for a project that is not Python: vitest, from the order to a file that vitest itself runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.places import ROOT
from tests.support.background import serving

if TYPE_CHECKING:
    from tests.support.model_server import Asked

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is run on Windows yet"),
]

BEASTMODE = str(Path(sys.executable).parent / "beastmode")
CODE = """export function total(prices, discount = 0) {
  let result = 0;
  for (const price of prices) {
    if (price < 0) throw new RangeError("negative");
    result += price;
  }
  return discount > 0 ? result - (result * discount) / 100 : result;
}
"""
GOOD = """import { describe, expect, it } from "vitest";
import { total } from "./price.js";

describe("total", () => {
  it("adds", () => {
    expect(total([1, 2])).toBe(3);
  });
  it("takes a discount off", () => {
    expect(total([200], 10)).toBe(180);
  });
  it("refuses what is negative", () => {
    expect(() => total([-1])).toThrow(RangeError);
  });
"""
BAD = """  it("is wrong", () => {
    expect(total([1])).toBe(7);
  });
  it("only runs", () => {
    total([1, 2]).toFixed(2);
  });
"""


def answer(asked: Asked) -> str:
    """Five tests, two of them bad; told so, the model leaves those out."""
    bad = "" if "Your tests were run" in str(asked.body["messages"][-1]["content"]) else BAD
    return f"Here are the tests:\n\n```js\n{GOOD}{bad}}});\n```\nRun them with `npx vitest`.\n"


@pytest.fixture
def project(tmp_path: Path, node_environment: dict[str, str]) -> Path:
    """A package that is tested with vitest."""
    command = [ROOT / "scripts" / "install-runners.sh"]
    runners = subprocess.run(command, env=node_environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "price.js").write_text(CODE)
    (root / "package.json").write_text(json.dumps({"type": "module", "devDependencies": {"vitest": "*"}}))
    (root / ".gitignore").write_text("node_modules\n")
    (root / "node_modules").symlink_to(Path(runners.stdout.strip()) / "node_modules")
    return root


def test_tests_of_a_javascript_project(project: Path, tmp_path: Path, node_environment: dict[str, str]) -> None:
    """What is kept passes when vitest runs it; what is not, and why, is told; the code under test is as it was."""
    environment = node_environment | {
        "BEASTMODE_HOME": str(tmp_path / "home"),
        "BEASTMODE_BUILTIN__ENABLED": "false",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }

    def beastmode(*arguments: str) -> tuple[str, str]:
        done = subprocess.run(
            [BEASTMODE, *arguments],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, " ".join(done.stderr.split())

    with serving(answer) as server:
        where = ["--endpoint-url", server.base, "--provider", "openai-compatible", "--price", "0"]
        beastmode("models", "add", "--id", "coder", "--name", "Coder", *where)
        beastmode("models", "select", "coder")
        beastmode("allow", "--yes")
        found, told = beastmode("run", "tests", "--file", "src/price.js", "--yes", "--json")
    assert "3 of 5 generated tests can be kept" in told
    assert "total is wrong: failed: AssertionError: expected 1 to be 7" in told
    assert "total only runs: useless: it checks neither a value nor that an error is raised" in told
    said = json.loads(found)
    tests = {test["name"]: test["judged"] for test in said["tests"]["tests"]}
    assert tests == {
        "total adds": "kept",
        "total takes a discount off": "kept",
        "total refuses what is negative": "kept",
    }
    assert said["repaired"] == 1
    (file,) = said["files"]
    assert (file["kind"], file["path"], said["written"]) == ("create", "src/price.test.js", True)
    written = (project / "src" / "price.test.js").read_text()
    assert "is wrong" not in written
    assert "only runs" not in written
    assert (project / "src" / "price.js").read_text() == CODE
    vitest = project / "node_modules" / ".bin" / "vitest"
    ran = subprocess.run(
        [vitest, "run", "--reporter=json"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    report = json.loads(ran.stdout)
    assert (report["numPassedTests"], report["numFailedTests"]) == (3, 0)
