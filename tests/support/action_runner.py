"""Runs a composite action as GitHub's runner does: each `run` in bash, expressions replaced before, files for outputs.

Knows what action.yml uses: `inputs.*`, `steps.*.outputs.*`, `github.action_path`, `github.workspace`, `runner.temp`.
Steps with `uses` are told of, not run. Sources: GitHub's documentation of composite actions and workflow commands.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Ran:
    """What became of a run: exit code of the last step, its output, the action's outputs, the summary."""

    code: int = 0
    said: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    used: list[str] = field(default_factory=list)


def run_action(
    action: Path,
    inputs: dict[str, str],
    workspace: Path,
    temporary: Path,
    *,
    environment: dict[str, str],
    skip: str = "",
) -> Ran:
    """Run every step of an action file until one fails; `skip` names a step that is left out."""
    described = yaml.safe_load(action.read_text(encoding="utf-8"))
    given = {name: str(row.get("default", "")) for name, row in described["inputs"].items()} | inputs
    known = {f"inputs.{name}": value for name, value in given.items()} | {
        "github.action_path": str(action.parent),
        "github.workspace": str(workspace),
        "runner.temp": str(temporary),
    }
    ran = Ran()
    summary = temporary / "summary.md"
    for number, step in enumerate(described["runs"]["steps"]):
        if "uses" in step:
            ran.used.append(step["uses"])
            continue
        if ran.code or step["name"] == skip:
            continue
        assert step["shell"] == "bash"
        script, output = temporary / f"step{number}.sh", temporary / f"output{number}"
        script.write_text(replaced(step["run"], known), encoding="utf-8")
        output.touch()
        said = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=workspace,
            env={
                **environment,
                **{name: replaced(str(value), known) for name, value in step.get("env", {}).items()},
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        ran.code, ran.said = said.returncode, ran.said + said.stdout + said.stderr
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            known[f"steps.{step.get('id')}.outputs.{name}"] = value
    ran.outputs = {name: replaced(row["value"], known) for name, row in described["outputs"].items()}
    ran.summary = summary.read_text(encoding="utf-8") if summary.exists() else ""
    return ran


def replaced(text: str, known: dict[str, str]) -> str:
    """A text with the values of its expressions."""
    return EXPRESSION.sub(lambda found: known.get(found[1], ""), text)


def scripts_of(described: dict[str, Any]) -> list[str]:
    """Every `run` of an action or a workflow."""
    jobs = described.get("jobs", {}).values()
    steps = [*described.get("runs", {}).get("steps", []), *(step for job in jobs for step in job.get("steps", []))]
    return [step["run"] for step in steps if "run" in step]


def plain_environment(home: Path) -> dict[str, str]:
    """What a fresh runner has."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
