"""The whole check with each real runner that this machine has: good, wrong, useless and leaning tests told apart."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from beastmode.tasks.verify import (
    Judged,
    Kind,
    Permission,
    Sandbox,
    Target,
    bench,
    check_tests,
    new_test_file,
    runner_for,
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is run on Windows yet"),
]

HERE = Path(__file__).parent
SCRIPTS = Path(__file__).parents[3] / "scripts"
PY = """STATE = []


def total(prices, discount=0):
    result = 0
    for price in prices:
        if price < 0:
            raise ValueError("negative")
        result += price
    if discount > 0:
        result = result - result * discount / 100
    return result


def remember(x):
    STATE.append(x)
    return len(STATE)
"""
JS = """const seen = [];
export function total(prices, discount = 0) {
  let result = 0;
  for (const price of prices) {
    result += price;
  }
  return discount > 0 ? result - (result * discount) / 100 : result;
}
export function remember(x) {
  seen.push(x);
  return seen.length;
}
"""
PY_TESTS = """from shop.price import remember, total


def test_adds():
    assert total([1, 2]) == 3


def test_wrong():
    assert total([1]) == 7


def test_useless():
    total([])


def test_first():
    assert remember(1) == 1


def test_second():
    assert remember(1) == 2
"""
UNIT_TESTS = """import unittest

from shop.price import remember, total


class PriceTest(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(total([1, 2]), 3)

    def test_wrong(self):
        self.assertEqual(total([1]), 7)

    def test_useless(self):
        total([])

    def test_a_first(self):
        self.assertEqual(remember(1), 1)

    def test_b_second(self):
        self.assertEqual(remember(1), 2)
"""
JS_TESTS = """
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
describe("total", () => {
  it("adds", () => { same(total([1, 2]), 3); });
  it("wrong", () => { same(total([1]), 7); });
  it("useless", () => { total([]); });
});
"""
LEANING = """
describe("remember", () => {
  it("first", () => { same(remember(1), 1); });
  it("second", () => { same(remember(1), 2); });
});
"""
RUST = """pub fn total(prices: &[i64]) -> i64 {
    let mut result = 0;
    for price in prices {
        result += price;
    }
    result
}
"""
RUST_TESTS = """use shop::total;

#[test]
fn adds() {
    assert_eq!(total(&[1, 2]), 3);
}

#[test]
fn wrong() {
    assert_eq!(total(&[1]), 7);
}

#[test]
fn useless() {
    total(&[]);
}
"""
JAVA = """package shop;

public final class Price {
    public static int total(int[] prices) {
        int result = 0;
        for (int price : prices) {
            result += price;
        }
        return result;
    }
}
"""
JAVA_TESTS = """package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import org.junit.jupiter.api.Test;

class PriceTest {
    @Test
    void adds() {
        assertEquals(3, Price.total(new int[] {1, 2}));
    }

    @Test
    void wrong() {
        assertEquals(7, Price.total(new int[] {1}));
    }

    @Test
    void useless() {
        Price.total(new int[] {});
    }
}
"""
GO = """package shop

func Total(prices []int) int {
	result := 0
	for _, price := range prices {
		result += price
	}
	return result
}
"""
GO_TESTS = """package shop

import "testing"

func TestAdds(t *testing.T) {
	if Total([]int{1, 2}) != 3 {
		t.Error("not 3")
	}
}

func TestWrong(t *testing.T) {
	if Total([]int{1}) != 7 {
		t.Error("not 7")
	}
}

func TestUseless(t *testing.T) {
	Total([]int{})
}
"""
IMPORT = 'import { total, remember } from "../src/price.js";\n'


PATIENT = """import time
import unittest


class A(unittest.TestCase):
    def test_a(self):
        time.sleep(60)
"""


@dataclass(frozen=True)
class Project:
    """`files` of a project, the code under test, the tests; `program`: without it the runner cannot be run here."""

    path: str
    code: str
    tests: str
    files: dict[str, str]
    program: str
    packages: bool = False
    lines: range | None = None


PROJECTS = {
    "pytest": Project(
        "src/shop/price.py",
        PY,
        PY_TESTS,
        {"pyproject.toml": "[tool.pytest.ini_options]\n", "tests/a": ""},
        sys.executable,
        lines=range(3, 12),
    ),
    "unittest": Project(
        "shop/price.py", PY, UNIT_TESTS, {"tests/a": "", "shop/__init__.py": ""}, sys.executable, lines=range(3, 12)
    ),
    "vitest": Project(
        "src/price.js",
        JS,
        'import { describe, it } from "vitest";\n' + IMPORT + JS_TESTS,
        {"package.json": '{"type":"module","devDependencies":{"vitest":"3"}}', "test/a": ""},
        "node",
        packages=True,
        lines=range(1, 8),
    ),
    "jest": Project(
        "src/price.js",
        JS.replace("export ", "") + "module.exports = { total, remember };\n",
        'const { total, remember } = require("../src/price.js");\n' + JS_TESTS,
        {"package.json": '{"devDependencies":{"jest":"30"}}', "test/a": ""},
        "node",
        packages=True,
        lines=range(1, 8),
    ),
    "mocha": Project(
        "src/price.js",
        JS,
        IMPORT + JS_TESTS + LEANING,
        {"package.json": '{"type":"module","devDependencies":{"mocha":"11"}}', "test/a": ""},
        "node",
        packages=True,
        lines=range(1, 8),
    ),
    "node": Project(
        "src/price.js",
        JS,
        'import { describe, it } from "node:test";\n' + IMPORT + JS_TESTS,
        {"package.json": '{"type":"module","scripts":{"test":"node --test"}}', "test/a": ""},
        "node",
        lines=range(1, 8),
    ),
    "cargo": Project(
        "src/lib.rs",
        RUST,
        RUST_TESTS,
        {"Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'},
        "cargo",
    ),
    "maven": Project(
        "src/main/java/shop/Price.java",
        JAVA,
        JAVA_TESTS,
        {"pom.xml": (HERE / "pom.xml").read_text(encoding="utf-8")},
        "mvn",
    ),
    "go": Project("price.go", GO, GO_TESTS, {"go.mod": "module shop\n\ngo 1.21\n"}, "go"),
}


def is_here(program: str) -> bool:
    """Whether it is installed, and more than the shim of an installer that has installed nothing."""
    asked = "version" if program == "go" else "--version"
    if shutil.which(program) is None:
        return False
    return subprocess.run([program, asked], capture_output=True, check=False, timeout=60).returncode == 0


def made(project: Project, root: Path) -> Path:
    if not is_here(project.program):
        pytest.skip(f"{project.program} is not on this machine: only its recorded output is tested")
    for path, text in {**project.files, project.path: project.code}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    if project.packages:
        run = subprocess.run([SCRIPTS / "install-runners.sh"], capture_output=True, text=True, check=False, timeout=300)
        if run.returncode != 0:
            pytest.skip(f"the runner could not be installed: {run.stderr.strip()[-200:]}")
        (root / "node_modules").symlink_to(Path(run.stdout.strip()) / "node_modules")
    return root


@pytest.mark.parametrize("name", sorted(PROJECTS))
async def test_tests_are_told_apart(name: str, tmp_path: Path) -> None:
    """The one that notices faults is kept, alone; why each other is not is told; the workspace is untouched."""
    project = PROJECTS[name]
    root = await asyncio.to_thread(made, project, tmp_path / "root")
    runner = runner_for(root, project.path, name)
    before = {
        path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "node_modules" not in path.parts
    }
    sandbox = Sandbox(Permission(str(root), Kind.TESTS))
    python = Path(sys.executable) if name in ("pytest", "unittest") else None
    place = new_test_file(root, project.path, runner)
    async with bench(root, project.path, runner, sandbox, tmp_path / "copies", python=python) as ready:
        if name == "maven" and (await ready.run(place)).outcome.problem.count("offline mode"):
            pytest.skip("Maven has not fetched what this project needs, and the sandbox has no network")
        target = Target(project.path, project.code, project.lines)
        verdict = await check_tests(ready, target, place, project.tests, faults=2)
    said = {
        test.name.rpartition(".")[2].rpartition(" ")[2].removeprefix("test_").removeprefix("Test").lower(): test
        for test in verdict.tests
    }
    assert verdict.problem == "", verdict.said
    assert said["adds"].judged is Judged.KEPT
    assert said["adds"].killed
    assert said["wrong"].judged is Judged.FAILED
    assert said["wrong"].why
    assert said["useless"].judged is Judged.USELESS
    leaning = [test.judged for short, test in said.items() if short.endswith(("first", "second"))]
    assert set(leaning) <= {Judged.UNSTABLE}
    assert "adds" in verdict.text.lower()
    assert "wrong" not in verdict.text.lower()
    assert "useless" not in verdict.text.lower()
    assert str(tmp_path) not in verdict.for_model
    if runner.coverage is not None:
        assert verdict.coverage is not None, verdict.not_run
        assert verdict.coverage.run
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "node_modules" not in path.parts}
    assert after == before
    assert list((tmp_path / "copies").iterdir()) == []


async def test_cancelling_a_check_leaves_nothing(tmp_path: Path) -> None:
    """No copy, no changed file; the sandbox's own tests look for processes."""
    project = PROJECTS["unittest"]
    root = made(project, tmp_path / "root")
    started = asyncio.Event()

    async def check() -> None:
        runner = runner_for(root, project.path, "unittest")
        sandbox = Sandbox(Permission(str(root), Kind.TESTS))
        async with bench(
            root, project.path, runner, sandbox, tmp_path / "copies", python=Path(sys.executable)
        ) as ready:
            endless = PATIENT
            await check_tests(
                ready, Target(project.path, project.code), "tests/test_a.py", endless, progress=lambda _: started.set()
            )

    task = asyncio.create_task(check())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list((tmp_path / "copies").iterdir()) == []
    assert (root / project.path).read_text() == project.code
