"""Real clients, unmodified, in front of the gateway: they are told where it is, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
from tests.support.background import serving
from tests.support.gateway_process import Running, serving_gateway
from tests.support.model_server import ModelServer

from beastmode.embedded.weights import weights_named

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "clients"
WEIGHTS = (
    platformdirs.user_cache_path("beastmode", appauthor=False) / "models" / weights_named("qwen2.5-coder-0.5b").file
)
TEXT = "return a + b"
MODELS = {
    "good": "",
    "tools": "think=Hm.+tool=read",
    "flaky": "429+rams=1+first=3",  # as often as the router tries, so that the client has to try again
    "broken": "cut=2",
    "long": "overflow",
    "rules": "filter",
    "denied": "401",
    "down": "503",
    "slow": "stall=1",
}
ERRORS = {
    "nope": ["NotFoundError", 404, "model_not_found"],
    "long": ["BadRequestError", 400, "context_length_exceeded"],
    "rules": ["BadRequestError", 400, "content_filter"],
    "denied": ["InternalServerError", 502, "unauthorized"],
    "down": ["InternalServerError", 502, "server_failed"],
}
"""What both of OpenAI's SDKs make of a model's failures, where no other model may step in."""
VECTOR = [3.0, 0.5, -0.25]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clients() -> Path:
    """The folder of scripts/install-clients.sh; the first run takes about a minute."""
    done = subprocess.run([ROOT / "scripts" / "install-clients.sh"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with serving(TEXT) as server:
        yield server


@pytest.fixture(params=["good"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path, model_server: ModelServer) -> Iterator[Running]:
    """A gateway whose models misbehave as their names say; one of them is selected, and steps in for the others."""
    models = {name: model_server.misbehaving(spec) if spec else model_server.base for name, spec in MODELS.items()}
    with serving_gateway(tmp_path / "home", models, selected=request.param) as running:
        yield running


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a client; what it prints."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def environment(gateway: Running, **more: str) -> dict[str, str]:
    """What tells the SDKs where the gateway is, and nothing of this process."""
    return {
        "PATH": gateway.environment["PATH"],
        "HOME": gateway.environment["BEASTMODE_HOME"],
        "OPENAI_BASE_URL": f"{gateway.url}/v1",
        "OPENAI_API_KEY": gateway.token,
        "ANTHROPIC_BASE_URL": gateway.url,
        "ANTHROPIC_API_KEY": gateway.token,
        **more,
    }


def test_the_openai_sdk(clients: Path, gateway: Running, model_server: ModelServer) -> None:
    """Chat, streams, tools, legacy completions, responses, embeddings, retries, and errors as its own classes."""
    said = json.loads(run(clients / "py/bin/python", SCRIPTS / "openai_sdk.py", **environment(gateway)))
    assert said["models"][0] == "default"
    assert {f"custom:{name}" for name in MODELS} <= set(said["models"])
    assert said["chat"] == [TEXT, "custom:good", 4]
    assert said["headers"]["x-beastmode-model"] == "custom:good"
    assert said["headers"]["x-beastmode-attempts"] == "1"
    assert said["stream"][0] == TEXT
    assert said["stream"][1] > 4
    assert said["stream_usage"] == 4
    assert said["tools"] == ["tool_calls", "read", {"path": "a.py"}]
    assert said["completion"].strip() == TEXT
    assert said["response"] == [TEXT, "completed", 4]
    assert said["response_stream"] == [
        *("response.created", "response.completed", TEXT),
        ["reasoning", "message", "function_call"],
    ]
    assert said["embeddings"] == [VECTOR, [2.0, 0.5, -0.25]]
    assert said["retried"] == VECTOR
    assert said["steps_in"] == ["custom:good", "custom:good"]
    assert said["errors"].pop("broken")[0] == "APIError"
    assert said["errors"] == ERRORS
    assert said["stranger"] == 401
    assert "nothing is stored here" in said["stored"]
    rows = {row["request_id"]: row for row in gateway.rows()}
    assert rows[said["id"]]["outcome"] == "ok"
    flaky = [row["outcome"] for row in gateway.rows() if row["model"] == "custom:flaky"]
    assert flaky == ["failed"] * 3 + ["ok"]


@pytest.mark.parametrize("gateway", ["flaky"], indirect=True)
def test_the_anthropic_sdk(clients: Path, gateway: Running) -> None:
    """Messages, streams with thoughts and tools, a second turn, counting, retries, and errors as its own classes."""
    said = json.loads(run(clients / "py/bin/python", SCRIPTS / "anthropic_sdk.py", **environment(gateway)))
    assert said["models"][0] == "default"
    assert said["chat"] == [TEXT, "end_turn", 4]
    assert said["text"] == TEXT
    assert (said["blocks"], said["stop_reason"]) == (["thinking", "text", "tool_use"], "tool_use")
    assert said["call"] == {"path": "a.py"}
    assert (said["second_turn"], said["retried"], said["count"]) == (TEXT, ["custom:flaky", TEXT], 4)
    assert said["errors"] == {
        "nope": ["NotFoundError", 404, "not_found_error"],
        "long": ["BadRequestError", 400, "invalid_request_error"],
        "rules": ["BadRequestError", 400, "invalid_request_error"],
    }
    assert said["mid_stream"] == ["APIStatusError", "api_error"]
    assert said["id"] in {row["request_id"] for row in gateway.rows()}


def test_the_openai_sdk_for_javascript(
    clients: Path, gateway: Running, node_environment: dict[str, str], model_server: ModelServer
) -> None:
    """The same by another hand; and a stream that it aborts stops the model."""
    script = clients / "openai_sdk.mjs"
    script.write_text((SCRIPTS / "openai_sdk.mjs").read_text("utf-8"), "utf-8")  # modules are looked for beside it
    said = json.loads(run("node", script, **environment(gateway, PATH=node_environment["PATH"])))
    assert said["chat"][:2] == [TEXT, "custom:good"]
    assert (said["stream"], said["response"], said["retried"]) == (TEXT, TEXT, VECTOR)
    assert said["tools"] == [["read", {"path": "a.py"}]]
    assert said["embeddings"] == [VECTOR, [2.0, 0.5, -0.25]]
    assert said["errors"] == ERRORS
    assert said["midStream"] == "APIError"
    rows = gateway.rows()
    assert [row["outcome"] for row in rows if row["model"] == "custom:slow"] == ["cancelled"]
    assert said["chat"][2] in {row["request_id"] for row in rows}


def test_the_pages_examples_are_true(gateway: Running) -> None:
    """Each request of docs/http-openai.md with curl; the answer has at least the members that it shows."""
    page = (ROOT / "docs" / "http-openai.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(curl .*?)```\n```json\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    for command, shown in blocks:
        told = environment(gateway, GATEWAY=gateway.url, TOKEN=gateway.token)
        said = json.loads(run("sh", "-c", command.replace("my-code-model", "good"), **told))
        assert "error" not in said or said["error"] is None, said
        assert json.loads(shown).keys() <= said.keys(), command


def test_llm(clients: Path, gateway: Running, tmp_path: Path) -> None:
    """Simon Willison's `llm`, with its own configuration of OpenAI-compatible models: whole, and as a stream."""
    home = tmp_path / "llm"
    home.mkdir()
    known = f"- model_id: mine\n  model_name: default\n  api_base: {gateway.url}/v1\n  api_key_name: mine\n"
    (home / "keys.json").write_text(json.dumps({"mine": gateway.token}))
    (home / "extra-openai-models.yaml").write_text(known)
    told = environment(gateway, LLM_USER_PATH=str(home))
    for option in ("--no-stream", "--no-log"):
        said = run(clients / "py/bin/llm", "-m", "mine", option, "What is a sum?", **told)
        assert said.strip() == TEXT


def test_a_coding_tool_on_the_responses_api(
    clients: Path, gateway: Running, model_server: ModelServer, node_environment: dict[str, str], tmp_path: Path
) -> None:
    """Codex is told of a provider: its instructions, tools and history reach a model that speaks chat completions."""
    provider = f'{{name="B",base_url="{gateway.url}/v1",env_key="OPENAI_API_KEY",wire_api="responses"}}'
    options = ("-m", "default", "-c", "model_provider=b", "-c", f"model_providers.b={provider}")
    told = environment(gateway, PATH=f"{clients / 'node_modules/.bin'}:{node_environment['PATH']}")
    said = run("codex", "exec", "--skip-git-repo-check", *options, "What is a sum?", cwd=tmp_path, **told)
    assert TEXT in said
    asked: dict[str, Any] = next(a.body for a in reversed(model_server.stats.last) if a.method == "POST")
    assert "exec_command" in {tool["function"]["name"] for tool in asked["tools"]}
    assert {message["role"] for message in asked["messages"]} >= {"system", "user"}


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="run `beastmode models fetch` first")
def test_the_built_in_model_behind_both_sdks(clients: Path, tmp_path: Path) -> None:
    """What most people have: no model of their own, and the answer is still one."""
    with serving_gateway(tmp_path / "home", {}, BEASTMODE_MODEL_PATH=str(WEIGHTS)) as gateway:
        said = run(clients / "py/bin/python", SCRIPTS / "both_sdks.py", **environment(gateway))
        assert all(json.loads(said)), said
        assert {row["model"] for row in gateway.rows()} == {"custom:builtin"}
