"""`--json` of every command that only looks: one document, of a shape that scripts can rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ConfigDict, TypeAdapter, with_config
from tests.faces.commands import LEAVES, words
from tests.support.background import serving
from typer.testing import CliRunner
from typing_extensions import TypedDict

from beastmode.faces.cli.main import build


def shape(**fields: Any) -> Any:
    """An object with exactly these fields."""
    made = TypedDict("Shape", fields)  # type: ignore[operator]
    return with_config(ConfigDict(extra="forbid", strict=True))(made)


Number = float | None
Text = str | None
CHECK = shape(name=str, ok=bool, evidence=str, fix=str)
COUNTS = {"shown": int, "accepted": int, "partial": int, "typed": int, "rejected": int, "ignored": int}
ACCEPTED = shape(
    **COUNTS, shown_chars=int, used_chars=int, typed_chars=int, kept_30s=Number, kept_5min=Number, used=int, rate=Number
)
INDEX = shape(root=str, files=int, source_bytes=int, chunks=int, symbols=int, index_bytes=int, left_out=dict[str, int])
MANIFEST = {"format": int, "version": str, "schema": str, "made_at": str, "bytes": int, "sha256": str, "file": str}

SHAPES: dict[str, Any] = {
    "alerts history": list[dict[str, Any]],
    "alerts list": shape(rules=list[dict[str, Any]], targets=list[dict[str, Any]]),
    "backup": shape(**MANIFEST),
    "chat sessions": list[dict[str, Any]],
    "check": shape(status=Literal["healthy", "degraded", "unhealthy"], checks=list[CHECK], changes=list[str]),
    "db info": dict[str, Any],
    "doctor": list[CHECK],
    "index build": INDEX,
    "index search": list[dict[str, Any]],
    "index status": INDEX,
    "ledger acceptance": shape(model=dict[str, ACCEPTED], total=ACCEPTED),
    "ledger silence": shape(reasons=dict[str, int], hits=int, misses=int, hit_rate=Number),
    "ledger sum": shape(model=dict[str, dict[str, Any]], total=dict[str, Any]),
    "ledger tail": list[dict[str, Any]],
    "ledger vacuum": shape(removed=int, bytes_before=int, bytes_after=int),
    "models list": list[
        shape(id=str, name=str, provider=str, endpoint_url=str, selected=bool, has_key=bool)  # type: ignore[misc]
    ],
    "models show": dict[str, Any],
    "models test": list[CHECK],
    "monitor": dict[str, Any],
    "opportunities": shape(opportunities=list[dict[str, Any]], total=int, files=int, left_out=dict[str, int]),
    "report": dict[str, Any],
    "restore": shape(**MANIFEST, kept=Text),
    "route explain": list[dict[str, Any]],
    "route policy": shape(allow_paid_fallback=bool, daily_cap=Text, monthly_cap=Text),
    "route show": shape(default=list[str], tasks=list[dict[str, Any]], policy=dict[str, Any]),
    "status": shape(
        activity=Literal["loading", "working", "idle"],
        model=Text,
        health=str,
        issues=list[str],
        requests=int,
        cancelled=int,
        success_rate=Number,
        p95_s=Number,
        estimated=bool,
        cost=Text,
        savings_low=Text,
        savings_high=Text,
        keys=str,
        notice=Text,
        fix=Text,
    ),
    "users list": shape(users=list[dict[str, Any]], everybody=list[str]),
}
"""Command -> what it prints, as a type; a dictionary of anything where another test looks at each field."""

ELSEWHERE = {"models add", "models doctor", "run", "evaluate", "chat ask", "chat show", "loadtest", "workflow-test"}
ELSEWHERE |= {"serve", "users add", "db copy"}
"""Their JSON is looked at by the tests of what they do."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A registered model that answers, with a try in the ledger, a backup and an index."""
    folder = tmp_path_factory.mktemp("json")
    with pytest.MonkeyPatch.context() as patch, serving("return a + b") as server:
        patch.chdir(folder)
        patch.setenv("BEASTMODE_HOME", str(folder / "home"))
        patch.setenv("BEASTMODE_BUILTIN__ENABLED", "false")
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        fields = {"model_name": "N", "model_id": "nobody", "endpoint_url": f"{server.url}/v1"}
        fields |= {"provider": "openai-compatible", "price": "0.5/1.5"}
        assert CliRunner().invoke(build(), ["models", "add", "--stdin-json"], input=json.dumps(fields)).exit_code == 0
        assert CliRunner().invoke(build(), ["models", "select", "nobody"]).exit_code == 0
        assert CliRunner().invoke(build(), ["backup", "word"]).exit_code == 0
        assert CliRunner().invoke(build(), ["index", "build"]).exit_code == 0
        yield folder


@pytest.mark.parametrize("path", sorted(SHAPES.keys() & LEAVES.keys()))
def test_the_document_has_its_shape(path: str, home: Path) -> None:
    """Standard output is one JSON document of the declared shape, and nothing else."""
    given = [*words(path), "--json"]
    said = CliRunner().invoke(build(), [*given, "--force"] if path == "backup" else given, input="")
    assert said.exit_code in {0, 1}, said.output
    TypeAdapter(SHAPES[path]).validate_python(json.loads(said.stdout))


def test_every_command_with_json_has_a_shape() -> None:
    """Here, or in a test of its own; and no shape is of a command that is gone."""
    with_json = {path for path, each in LEAVES.items() if any("--json" in option.opts for option in each.params)}
    assert with_json - ELSEWHERE - SHAPES.keys() == set()
    assert SHAPES.keys() - with_json == set()
