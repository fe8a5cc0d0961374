"""Chat, tasks and suggestions over HTTP, against a real model server on loopback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.gateway_client import opened_gate
from tests.support.model_server import ModelServer

from beastmode.registry.users import User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from tests.support.gateway_client import Gate

    from beastmode.settings import Settings

ANSWER = "Use this:\n\n```python\ndef add(a, b):\n    return a + b\n```\n"
EDIT = """users.py
<<<<<<< SEARCH
def add(a,b): return a+b
=======
def add(a: int, b: int) -> int:
    return a + b
>>>>>>> REPLACE
"""
CHAT, REFACTOR = "/api/codebase/chat", "/api/codebase/refactor"


@pytest.fixture
async def model(gate: Gate, workspace: Path) -> AsyncIterator[ModelServer]:
    """`custom:my-code-model`, registered, in a workspace with one file."""
    (workspace / "users.py").write_text("def add(a,b): return a+b\n")
    async with ModelServer(text=ANSWER) as server:
        await gate.register(server.base)
        server.stats.last.clear()  # which was asked what it can do
        yield server


def sent(model: ModelServer) -> list[Any]:
    """The bodies of what the model was asked, oldest first."""
    return [asked.body for asked in model.stats.last if asked.method == "POST"]


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_question_is_answered_with_its_code(gate: Gate, model: ModelServer) -> None:
    """As the specification's example asks it; the answer says who gave it and what it took, the ledger who asked."""
    asked = {
        "sessionId": "session-123",
        "message": "Create a login component",
        "repo": "shop",
        "model": "custom:my-code-model",
        "files": ["users.py", {"path": "users.py", "line": 1, "endLine": 1}, {"path": "x.py", "content": "x = 1\n"}],
        "useLLM": True,
    }
    answer = await gate.client.post(CHAT, json=asked)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["success"] is True
    assert said["code"] == "def add(a, b):\n    return a + b"
    assert said["message"].strip() == ANSWER.strip()
    assert said["model"] == "custom:my-code-model"
    assert said["sessionId"] == "session-123"
    assert {"users.py"} <= {source["path"] for source in said["sources"]}
    (row,) = await gate.gateway.app.ledger.tail(1)
    assert row["request_id"] == said["requestId"]
    assert row["user"] == ""


async def test_a_conversation_goes_on_and_is_nobody_elses(gate: Gate, model: ModelServer) -> None:
    """The second question of a session shows the first; another user's session of that name is another one."""
    token = await gate.gateway.users.add(User("ada", frozenset({"custom:my-code-model"})))
    first = {"sessionId": "s", "message": "the first words", "model": "custom:my-code-model"}
    await gate.client.post(CHAT, json=first)
    await gate.client.post(CHAT, json=first | {"message": "again"})
    assert "the first words" in json.dumps(sent(model)[-1])
    async with gate.as_(token) as ada:
        await ada.post(CHAT, json=first | {"message": "again"})
    assert "the first words" not in json.dumps(sent(model)[-1])
    (row,) = await gate.gateway.app.ledger.tail(1)
    assert row["user"] == "ada"


async def test_an_answer_comes_as_it_is_made(gate: Gate, model: ModelServer) -> None:
    """By Accept: what is shown, who answers, the parts, the whole."""
    asked = {"message": "hello", "model": "custom:my-code-model"}
    answer = await gate.client.post(CHAT, json=asked, headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer)
    assert [name for name, _ in told][:2] == ["sources", "model"]
    assert "".join(data["text"] for name, data in told if name == "part").strip() == ANSWER.strip()
    assert told[-1][0] == "result"
    assert told[-1][1]["code"].startswith("def add")


async def test_without_the_model_it_says_what_a_model_would_see(gate: Gate, model: ModelServer) -> None:
    """`useLLM` false: nothing is sent anywhere."""
    answer = await gate.client.post(CHAT, json={"message": "x", "files": ["users.py"], "repo": "shop", "useLLM": False})
    assert answer.status_code == 200, answer.text
    assert [source["path"] for source in answer.json()["sources"]] == ["users.py"]
    assert not sent(model)


async def test_a_change_is_proposed_and_not_made(gate: Gate, workspace: Path) -> None:
    """Diff, files and checks; the workspace stays as it is, and a request to write is refused."""
    (workspace / "users.py").write_text("def add(a,b): return a+b\n")
    async with ModelServer(text=EDIT) as server:
        await gate.register(server.base)
        asked = {
            "model": "custom:my-code-model",
            "file": "users.py",
            "opportunity": {"kind": "long-function", "line": 0, "endLine": 0, "reason": "no types"},
        }
        answer = await gate.client.post(REFACTOR, json=asked)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["applied"] is False
        assert "+def add(a: int, b: int) -> int:" in said["diff"]
        assert said["files"][0]["content"] == "def add(a: int, b: int) -> int:\n    return a + b\n"
        assert {check["name"] for check in said["checks"]}
        refused = await gate.client.post(REFACTOR, json=asked | {"apply": True})
        assert refused.status_code == 403
        assert "--allow-writes" in refused.json()["fix"]
        streamed = await gate.client.post(REFACTOR, json=asked, headers={"accept": "text/event-stream"})
        assert events(streamed)[-1][0] == "result"
    assert (workspace / "users.py").read_text() == "def add(a,b): return a+b\n"


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "/etc/passwd",
        "..\\outside.py",
        "a/../../outside.py",
        "link.py",
        "folder/outside.py",
        ".env",
        "users.py\0",
        "~/.ssh/id_rsa",
        "file:///etc/passwd",
        "%2e%2e/outside.py",
    ],
)
async def test_nothing_outside_of_a_workspace_is_read(
    gate: Gate, model: ModelServer, path: str, tmp_path: Path
) -> None:
    """By `..`, absolute paths, links, other spellings; nor a file that holds secrets."""
    (tmp_path / "outside.py").write_text("SECRET = 'never-to-be-seen'\n")
    workspace = tmp_path / "shop"
    (workspace / "link.py").symlink_to(tmp_path / "outside.py")
    (workspace / "folder").symlink_to(tmp_path)
    (workspace / ".env").write_text("SECRET=never-to-be-seen\n")
    chosen = {"repo": "shop", "model": "custom:my-code-model"}
    for url, body in (
        (CHAT, {"message": "x", "files": [path]}),
        (CHAT, {"message": "x", "files": [{"path": path}]}),
        (REFACTOR, {"file": path}),
        (REFACTOR, {"file": path, "opportunity": {"line": 0}}),
        ("/api/codebase/tests/generate", {"file": path}),
        ("/api/repos/quality/generate-feature", {"featureRequest": "x", "files": [path]}),
    ):
        answer = await gate.client.post(url, json=body | chosen)
        assert answer.status_code in {400, 422}, (url, answer.text)
        assert "never-to-be-seen" not in answer.text
    assert "never-to-be-seen" not in json.dumps(sent(model))


@pytest.mark.parametrize("repo", ["nothing", "..", "/etc", "../shop", "SHOP", ""])
async def test_a_workspace_that_the_owner_did_not_name_is_none(gate: Gate, model: ModelServer, repo: str) -> None:
    """Whatever there is at that path."""
    for url, body in ((CHAT, {"message": "x"}), (REFACTOR, {"file": "users.py"})):
        answer = await gate.client.post(url, json=body | {"repo": repo, "model": "custom:my-code-model"})
        assert answer.status_code == 404, answer.text
    assert not sent(model)


async def test_a_user_sees_a_workspace_only_when_they_were_let_in(gate: Gate, model: ModelServer) -> None:
    """A grant of every model is none of a workspace."""
    token = await gate.gateway.users.add(User("ada", frozenset({"*"})))
    asked = {"message": "x", "repo": "shop", "model": "custom:my-code-model"}
    async with gate.as_(token) as ada:
        assert (await ada.post(CHAT, json=asked)).status_code == 404
        await gate.gateway.users.grant("ada", ["workspace:shop"])
        assert (await ada.post(CHAT, json=asked)).status_code == 200


async def test_a_user_asks_no_model_that_is_not_theirs(gate: Gate, model: ModelServer) -> None:
    """Through any endpoint: named, it is not found; unnamed, nothing is selected for them."""
    token = await gate.gateway.users.add(User("ada", frozenset({"workspace:shop"})))
    asked = (
        (CHAT, {"message": "x"}),
        (REFACTOR, {"file": "users.py", "repo": "shop"}),
        ("/api/codebase/suggestions", {"prefix": "def add("}),
    )
    async with gate.as_(token) as ada:
        for url, body in asked:
            named = await ada.post(url, json=body | {"model": "custom:my-code-model"})
            assert (named.status_code, named.json()["error"]) == (404, "Custom model not found: my-code-model")
            unnamed = await ada.post(url, json=body)
            assert unnamed.status_code == 400, unnamed.text
    assert not sent(model)


async def test_code_is_suggested_for_a_place(gate: Gate) -> None:
    """Through the same engine as in an editor."""
    async with ModelServer(text="return a + b\n") as server:
        await gate.register(server.base)
        asked = {"prefix": "def add(a, b):\n    ", "suffix": "\n", "file": "a.py", "model": "custom:my-code-model"}
        answer = await gate.client.post("/api/codebase/suggestions", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["suggestions"][0] == {
        "text": "return a + b",
        "replaceAfter": 0,
        "model": "custom:my-code-model",
    }


async def test_the_specifications_texts_for_what_goes_wrong(gate: Gate, model: ModelServer) -> None:
    """A model that there is not, and an answer in another format."""
    missing = await gate.client.post(CHAT, json={"message": "x", "model": "custom:my-model"})
    assert (missing.status_code, missing.json()["error"]) == (404, "Custom model not found: my-model")
    assert missing.headers["content-type"] == "application/problem+json"


async def test_a_budget_that_is_spent_is_said(gate: Gate) -> None:
    """402, and whose it is."""
    async with ModelServer(text="x") as server:
        await gate.register(server.base, price="1000/1000")
        token = await gate.gateway.users.add(User("ada", frozenset({"*"})))
        await gate.gateway.users.limit(User("ada", daily_cap=0))  # type: ignore[arg-type]
        async with gate.as_(token) as ada:
            refused = await ada.post(CHAT, json={"message": "x", "model": "custom:my-code-model"})
    assert refused.status_code == 402
    assert "daily cap of ada" in refused.json()["error"]


async def test_only_the_owner_may_have_a_change_written(settings: Settings, workspace: Path) -> None:
    """Who was given a workspace reads it: a change that is written there is run by its owner sooner or later."""
    (workspace / "users.py").write_text("def add(a,b): return a+b\n")
    asked = {"model": "custom:my-code-model", "file": "users.py", "instruction": "types", "apply": True}
    async with (
        ModelServer(text=EDIT) as server,
        opened_gate(settings, workspaces={"shop": workspace}, writes=True) as gate,
    ):
        await gate.register(server.base)
        token = await gate.gateway.users.add(User("ada", frozenset({"custom:my-code-model", "workspace:shop"})))
        async with gate.as_(token) as ada:
            refused = await ada.post(REFACTOR, json=asked)
            assert refused.status_code == 403, refused.text
            assert (await ada.post(REFACTOR, json=asked | {"apply": False})).status_code == 200
        assert "int" not in (workspace / "users.py").read_text()
        assert (await gate.client.post(REFACTOR, json=asked)).json()["applied"] is True
        assert "int" in (workspace / "users.py").read_text()
