"""The GitHub action: no input reaches a shell, and what a model says cannot leave its block in the summary."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tests.support.action_runner import EXPRESSION, scripts_of

ROOT = Path(__file__).parents[1]
DESCRIBED = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOWS = [ROOT / "action.yml", *sorted((ROOT / "examples" / "ci").glob("*.yml"))]


@pytest.fixture(scope="module")
def ci() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci", ROOT / "scripts" / "ci.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """Not of an input, not of an event: what somebody writes into an issue's title would be run."""
    for script in scripts_of(yaml.safe_load(path.read_text(encoding="utf-8"))):
        assert EXPRESSION.search(script) is None, script


def test_every_step_gets_its_inputs_through_the_environment() -> None:
    """Each input is used by some step's `env` or by the artifact; the key only where the model is registered."""
    steps = DESCRIBED["runs"]["steps"]
    passed = {value for step in steps for value in [*step.get("env", {}).values(), *step.get("with", {}).values()]}
    for name in DESCRIBED["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in passed, name
    with_key = [step["name"] for step in steps if "API_KEY" in step.get("env", {})]
    assert with_key == ["Register the model"]


def test_every_input_and_output_is_documented() -> None:
    """In the page about CI."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in [*DESCRIBED["inputs"], *DESCRIBED["outputs"]]:
        assert f"`{name}`" in page, name


def test_the_summary_of_a_hostile_answer(ci: ModuleType) -> None:
    """Neither a fence in the diff nor a table row in a check's evidence is read as Markdown."""
    result = {
        "diff": "+```\n+" + "`" * 20 + "\n+<script>",
        "model": "a|b",
        "cost": "0.00123",
        "latency": 1.5,
        "files": [{}],
        "checks": [{"name": "x", "ok": False, "evidence": "| <img src=x>\n## title"}],
    }
    said = ci.summary("feature", result)
    assert "<img" not in said
    assert "\n## title" not in said
    assert "| a&#124;b | $0.0012 | 1.5 | 1 |" in said
    lines = said.splitlines()
    assert [line for line in lines if line.startswith("`" * 12)] == ["`" * 12 + "diff", "`" * 12]
    assert "unknown" in ci.summary("fix", {"diff": "", "cost": None, "model": "m"})
    assert "broken" in ci.summary("fix", {"error": "broken", "fix": "mend it"})
    assert "no result" in ci.summary("fix", {})
