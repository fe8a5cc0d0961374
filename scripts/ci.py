"""The steps of action.yml: install, register a model for this job, ask for a change, say what it cost.

Standard library only, run by the runner's own Python. Everything that a workflow says comes as an environment variable
and goes on as one argument of a program: no shell ever reads it. See docs/ci.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from decimal import Decimal
from pathlib import Path

FENCE = 12
"""Backticks around a text of the model: more than any text has in a row."""
MOST_SUMMARY = 60_000
"""Characters of a diff in the summary; the artifact has all of it."""


def main() -> int:
    """Run the step that the first argument names."""
    steps = {"install": install, "register": register, "run": run}
    return steps[sys.argv[1]]()


def install() -> int:
    """A virtual environment of the job's own, with the built-in model's runtime where that is asked for."""
    place = _temporary() / "beastmode"
    venv.create(place, with_pip=True)
    wanted = f"{os.environ['HERE']}[builtin]" if _is_builtin() else os.environ["HERE"]
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
    code = subprocess.run(pip, check=False).returncode
    return code or (_beastmode("models", "fetch").returncode if _is_builtin() else 0)


def register() -> int:
    """Register the endpoint that was given, under the id in MODEL; its key goes through standard input."""
    url = os.environ.get("ENDPOINT_URL", "")
    if not url:
        return 0
    model = os.environ["MODEL"].removeprefix("custom:")
    fields = {"model_id": model, "model_name": model, "endpoint_url": url, "provider": os.environ["PROVIDER"]}
    given = {"api_key": _popped("API_KEY"), "price": os.environ["PRICE"]}
    fields |= {name: value for name, value in given.items() if value}
    return _beastmode("models", "add", "--stdin-json", stdin=json.dumps(fields)).returncode


def run() -> int:
    """Ask for the change; write the diff, the result, the outputs and the summary of the job."""
    workspace, results = Path(os.environ["WORKSPACE"]), _temporary() / "beastmode-result"
    results.mkdir(parents=True, exist_ok=True)
    files = [line.strip() for line in os.environ.get("FILES", "").splitlines() if line.strip()]
    command = ["run", f"--repo={workspace}", f"--model={_model()}", "--json"]
    command += [f"--file={file}" for file in files]
    command += ["--yes"] if os.environ.get("WRITE", "true") == "true" else ["--dry-run"]
    # After `--` nothing is an option, whatever it begins with; and the words come through standard input.
    said = _beastmode(*command, "--", os.environ["TASK"], "-", stdin=os.environ.get("INSTRUCTION", ""), captured=True)
    try:
        result = json.loads(said.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        result = {}
    (results / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
    diff = results / "change.diff"
    diff.write_text(result.get("diff", ""), encoding="utf-8")
    changed = bool(result.get("diff"))
    _append("GITHUB_OUTPUT", f"changed={str(changed).lower()}\ndiff={diff}\ncost={result.get('cost') or ''}\n")
    _append("GITHUB_STEP_SUMMARY", summary(os.environ["TASK"], result))
    return said.returncode


def summary(task: str, result: dict[str, object]) -> str:
    """What a person reads below the job: what was asked of whom, what it cost, what was checked, and the change."""
    lines = [f"## BEAST MODE: {_cell(task)}", ""]
    if "error" in result or not result:
        fix = str(result.get("fix", ""))
        return "\n".join([*lines, _fenced(f"{result.get('error', 'There was no result')}\n{fix}".strip()), ""])
    cost = result.get("cost")
    told = "unknown" if cost is None else f"${Decimal(str(cost)):.4f}"
    lines += ["| model | cost | seconds | files |", "| --- | --- | --- | --- |"]
    seconds = float(str(result.get("latency") or 0))
    touched = result.get("files")
    count = len(touched) if isinstance(touched, list) else 0
    lines += [f"| {_cell(str(result.get('model')))} | {told} | {seconds:.1f} | {count} |", ""]
    checks = result.get("checks")
    for check in checks if isinstance(checks, list) else []:
        lines.append(f"- {'✓' if check['ok'] else '✗'} {_cell(check['name'])}: {_cell(check['evidence'])}")
    shown = str(result.get("diff") or result.get("text") or "")
    if len(shown) > MOST_SUMMARY:
        shown = shown[:MOST_SUMMARY] + "\n(the artifact has all of it)"
    return "\n".join([*lines, "", _fenced(shown, "diff"), ""])


def _fenced(text: str, kind: str = "text") -> str:
    """A block that no text of a model can end."""
    safe = text.replace("`" * FENCE, "'" * FENCE)
    return f"{'`' * FENCE}{kind}\n{safe}\n{'`' * FENCE}"


def _cell(text: str) -> str:
    """One line without anything that Markdown or HTML would read."""
    return "".join(f"&#{ord(letter)};" if letter in "|<>&`*_[]!#\\" else letter for letter in " ".join(text.split()))


def _is_builtin() -> bool:
    return _model() == "custom:builtin"


def _model() -> str:
    """The id as it is registered."""
    model = os.environ["MODEL"]
    return model if ":" in model else f"custom:{model}"


def _popped(name: str) -> str:
    """A variable that no program below this one sees."""
    return os.environ.pop(name, "")


def _temporary() -> Path:
    return Path(os.environ["TEMPORARY"])


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _beastmode(*arguments: str, stdin: str = "", captured: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the program, in a home of the job's own."""
    environment = dict(os.environ)
    environment.setdefault("BEASTMODE_HOME", str(_temporary() / "beastmode-home"))
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    program = str(_temporary() / "beastmode" / "bin" / "beastmode")
    return subprocess.run(
        [program, *arguments],
        input=stdin,
        text=True,
        stdout=subprocess.PIPE if captured else None,
        env=environment,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
