"""The gateway as a process: the specification's own examples, what a fuzzer finds, how it starts and ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.places import ROOT
from tests.support import background
from tests.support.model_server import Asked, ModelServer

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parent / "specification"
PRELUDE = """
const [base, token] = [process.env.GATEWAY, process.env.USER_ID];
const asked = globalThis.fetch;
// As in a browser that is signed in: addresses are relative to the page, and the cookie goes along.
globalThis.fetch = (url, init = {}) =>
  asked(new URL(url, base), { ...init, headers: { cookie: `github_oauth_user_id=${token}`, ...init.headers } });
const plain = require;
require = (name) => name !== "axios" ? plain(name) : { post: async (url, data, { headers }) => {
  const answer = await asked(url, { method: "POST", body: JSON.stringify(data),
                                    headers: { ...headers, "Content-Type": "application/json" } });
  return { data: await answer.json() };
} };
(async () => {
%s
  console.log(typeof response === "undefined"
    ? JSON.stringify({ success: true, code: await generateCodeWithCustomModel("Create a login component") })
    : JSON.stringify(await response.json()));
})();
"""
FEATURE = """login.py
<<<<<<< SEARCH
=======
def login():
    return True
>>>>>>> REPLACE
"""
CHAT = "Here it is:\n\n```python\ndef login():\n    return True\n```\n"


def script(asked: Asked) -> str:
    """What the model says: edits to whom it was told their format, else an answer with code in it."""
    return FEATURE if "SEARCH" in json.dumps(asked.body) else CHAT


class Running:
    """A gateway that runs, and a model for it."""

    def __init__(self, url: str, token: str, home: Path, model: str) -> None:
        self.url = url
        self.token = token
        self.home = home
        self.model = model

    def example(self, name: str) -> str:
        """An example as it is printed, with another host, and the placeholders filled in as GitHub does."""
        text = (EXAMPLES / name).read_text()
        for printed, meant in (
            ("https://beast-mode.dev", self.url),
            ("https://your-model-api.com/v1", self.model),
            ("YOUR_USER_ID", self.token),
            ("${{ secrets.USER_ID }}", self.token),
            ("${{ github.repository }}", "me/my-app"),
            ("${{ inputs.feature_request }}", "Add user authentication"),
        ):
            text = text.replace(printed, meant)
        assert "${{" not in text
        return text


def environment(home: Path) -> dict[str, str]:
    own = {"BEASTMODE_HOME": str(home), "BEASTMODE_BUILTIN__ENABLED": "false", "PYTHONPATH": str(ROOT / "server")}
    return os.environ | own | {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def serving(home: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "beastmode", "serve", "--port", "0", "--json", *options]
    return subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr and process.stderr.read()
    url: str = json.loads(line)["url"]
    return url


def answer_of(*command: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    for name in ("my-app", "my-api", "shop"):
        (folder / name).mkdir()
    (folder / "shop" / "users.py").write_text("def users():\n    return []\n")
    named = [f"me/my-app={folder / 'my-app'}", f"my-app={folder / 'my-app'}", f"my-api={folder / 'my-api'}"]
    options = [f"--workspace={each}" for each in named]
    (folder / "home").mkdir(mode=0o700)
    (folder / "home" / "config.toml").write_text(f'[gateway]\nworkspaces = ["shop={folder / "shop"}"]\n')
    with background.serving(script) as model, serving(folder / "home", *options) as process:
        try:
            url = url_of(process)
            token = (folder / "home" / "gateway.token").read_text().strip()
            yield Running(url, token, folder / "home", model.base)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0, process.stderr and process.stderr.read()


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_the_specifications_examples_run_as_they_are_printed(
    running: Running, name: str, node_environment: dict[str, str]
) -> None:
    """With curl and with fetch; only the host is another one. The first registers the model that the others ask."""
    text = running.example(name)
    if name.endswith(".sh"):
        said = answer_of("sh", "-c", text)
    else:
        env = node_environment | {"GATEWAY": running.url, "USER_ID": running.token}
        said = answer_of("node", "-e", PRELUDE.replace("%s", text), env=env)
    assert said["success"] is True, said
    assert "your-api-key" not in json.dumps(said)
    if name != "1_register.sh":
        assert "def login" in said["code"]


def test_the_pages_examples_are_true(running: Running) -> None:
    """Each request of docs/http-api.md, in its order, with curl; the answer has at least the members that it shows."""
    page = (ROOT / "docs" / "http-api.md").read_text()
    blocks = re.findall(r"```sh\n(curl .*?)```\n(?:```json\n(.*?)```)?", page, re.DOTALL)
    assert len(blocks) > 7
    env = os.environ | {"GATEWAY": running.url, "TOKEN": running.token}
    for command, shown in blocks:
        text = command.replace("http://127.0.0.1:8080/v1", running.model)
        if not shown:
            done = subprocess.run(["sh", "-c", text], env=env, capture_output=True, text=True, timeout=60, check=True)
            assert "event: result" in done.stdout
            continue
        said = answer_of("sh", "-c", text, env=env)
        assert said["success"] is True, said
        assert json.loads(shown).keys() <= said.keys()


def test_a_fuzzer_finds_no_defect(running: Running) -> None:
    """Schemathesis against the served document: nothing that it may send, or may not, is answered with a 500.

    502 to 504 are what a model's failures are: registering makes the gateway ask addresses that are nobody's.
    """
    folder = subprocess.run(
        [ROOT / "scripts" / "install-schemathesis.sh"], capture_output=True, text=True, check=True
    ).stdout.strip()
    config = running.home / "schemathesis.toml"
    config.write_text('[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504]\n')
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        f"{folder}/bin/schemathesis", "--config-file", str(config), "run", f"{running.url}/openapi.json",
        "--header", f"Authorization: Bearer {running.token}", "--max-time", "20", "--seed", "1",
        "--checks", f"{checks},ignored_auth,unsupported_method", "--suppress-health-check", "all",
        "--request-timeout", "20", "--exclude-path-regex", "/stream$",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=running.home, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    log = running.home / "access.log"
    assert not re.search(r'"status": 500', log.read_text())


def test_an_answer_under_way_is_finished_when_the_gateway_is_told_to_end(tmp_path: Path) -> None:
    """SIGTERM in the middle of a stream: it comes to its end, and then the process ends well."""

    async def ask() -> str:
        async with ModelServer(text="word " * 40, spec="drip=20") as model:
            with serving(tmp_path) as process:
                url = await asyncio.to_thread(url_of, process)
                token = (tmp_path / "gateway.token").read_text().strip()
                port = int(url.rpartition(":")[2])
                fields = {"model_name": "m", "model_id": "m", "endpoint_url": model.base, "force": True}
                await post(port, token, "/api/models/custom", fields)
                asked = {"message": "x", "model": "custom:m"}
                said = await post(port, token, "/api/codebase/chat", asked, ended=process)
                assert await asyncio.to_thread(process.wait, 30) == 0
                return said

    said = asyncio.run(ask())
    assert "event: result" in said
    assert not list((tmp_path / "run").glob("gateway-*"))


async def post(
    port: int, token: str, path: str, body: dict[str, Any], *, ended: subprocess.Popen[str] | None = None
) -> str:
    """All that comes back; with `ended`, that process is told to end when the first part of an answer is here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    accept = "application/json" if ended is None else "text/event-stream"
    writer.write(
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n"
        f"connection: close\r\ncontent-length: {len(data)}\r\n\r\n".encode()
        + data
    )
    said = b""
    async with asyncio.timeout(30):
        if ended is not None:
            said = await reader.readuntil(b"event: part")
            ended.send_signal(signal.SIGTERM)
        said += await reader.read()
    writer.close()
    return said.decode()
