"""The OpenAI API in process: what is answered, in which shape, with which status and headers, and what it leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from beastmode.domain.request import Task
from beastmode.registry.users import User

if TYPE_CHECKING:
    import httpx
    from tests.support.gateway_client import Gate
    from tests.support.model_server import ModelServer

HELLO = {"messages": [{"role": "user", "content": "What is a sum?"}]}
PATHS = {
    "/v1/chat/completions": HELLO,
    "/v1/completions": {"prompt": "return ", "suffix": "\n"},
    "/v1/responses": {"input": "What is a sum?"},
    "/v1/messages": HELLO | {"max_tokens": 99},
}


@pytest.fixture
async def served(gate: Gate, model_server: ModelServer) -> Gate:
    """A gateway with one model, which is selected for everything."""
    await gate.register(model_server.base)
    await gate.gateway.app.registry.select("custom:my-code-model")
    model_server.stats.requests = 0
    return gate


def said(answer: httpx.Response) -> Any:
    """The text of a whole answer, wherever the API has it."""
    body = answer.json()
    if "output" in body:
        return body["output"][0]["content"][0]["text"]
    if "content" in body:
        return body["content"][0]["text"]
    choice = body["choices"][0]
    return choice["text"] if "text" in choice else choice["message"]["content"]


def last_comment(answer: httpx.Response) -> dict[str, str]:
    (comment,) = [line for line in answer.text.splitlines() if line.startswith(": beastmode ")]
    found: dict[str, str] = json.loads(comment.removeprefix(": beastmode "))
    return found


@pytest.mark.parametrize("name", ["custom:my-code-model", "my-code-model", "default", "beastmode", None])
@pytest.mark.parametrize("path", PATHS)
async def test_every_way_to_name_a_model_reaches_it(served: Gate, path: str, name: str | None) -> None:
    """Its id with and without `custom:`, the selected one by a name for it; headers say who answered and why."""
    answer = await served.client.post(path, json=PATHS[path] | ({"model": name} if name else {}))
    assert answer.status_code == 200, answer.text
    assert said(answer).strip() == "return a + b"
    assert answer.json()["model"] == answer.headers["x-beastmode-model"] == "custom:my-code-model"
    named = name is not None and "my-code" in name
    task = "inline" if "prompt" in PATHS[path] else "chat"
    assert answer.headers["x-beastmode-reason"] == ("named by the request" if named else f"selected for {task}")
    assert answer.headers["x-beastmode-attempts"] == "1"
    (row,) = await served.gateway.app.ledger.tail(1)
    assert row["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_says_at_its_end_what_it_was(served: Gate, path: str) -> None:
    """A comment, which no parser of events trips over: the model, the reason, the tries, and the cost where known."""
    answer = await served.client.post(path, json=PATHS[path] | {"stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    comment = last_comment(answer)
    assert comment["model"] == answer.headers["x-beastmode-model"] == "custom:my-code-model"
    assert comment["attempts"] == "1"
    assert "[DONE]" in answer.text or "message_stop" in answer.text or "response.completed" in answer.text


async def test_what_it_cost_is_told(gate: Gate, model_server: ModelServer) -> None:
    """In dollars: a header of a whole answer, a field of a stream's last comment; both as the ledger has it."""
    await gate.register(model_server.base, "priced", price="2/4")
    for stream in (False, True):
        answer = await gate.client.post("/v1/chat/completions", json=HELLO | {"model": "priced", "stream": stream})
        (row,) = await gate.gateway.app.ledger.tail(1)
        cost = last_comment(answer)["cost"] if stream else answer.headers["x-beastmode-cost"]
        assert round(float(cost) * 1e9) == row["cost_nano"] > 0


async def test_the_one_that_steps_in_is_named(gate: Gate, model_server: ModelServer) -> None:
    """Another model answers where the first does not, and the headers say so before the first byte of the body."""
    await gate.register(model_server.misbehaving("404"), "broken")
    await gate.register(model_server.base, "other")
    await gate.gateway.app.registry.set_route(Task.CHAT, ["custom:broken", "custom:other"])
    for stream in (False, True):
        answer = await gate.client.post("/v1/chat/completions", json=HELLO | {"stream": stream})
        assert answer.headers["x-beastmode-model"] == "custom:other"
        assert answer.headers["x-beastmode-attempts"] == "2"
        assert answer.headers["x-beastmode-reason"] == "fallback for chat"


ERRORS = {
    "400": (400, "invalid_request_error"),
    "401": (502, "server_error"),
    "404": (502, "server_error"),
    "overflow": (400, "invalid_request_error"),
    "filter": (400, "invalid_request_error"),
    "429+ra=60": (429, "rate_limit_error"),
    "html": (502, "server_error"),
    "empty": (502, "server_error"),
    "reset": (502, "server_error"),
    "errmid=0": (502, "server_error"),
    "cut=0": (502, "server_error"),
}
ANTHROPIC_TYPES = {"server_error": "api_error"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
@pytest.mark.parametrize("spec", ERRORS)
async def test_an_error_before_the_first_word_has_its_status(
    gate: Gate, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, path: str, spec: str, *, stream: bool
) -> None:
    """Streamed or not: the API's own error object and no stream that begins with 200; upstream's 401 is not theirs."""
    monkeypatch.setattr("beastmode.router.retry.BASE_S", 0.001)
    await gate.register(model_server.misbehaving(spec))
    answer = await gate.client.post(path, json=PATHS[path] | {"model": "my-code-model", "stream": stream})
    status, kind = ERRORS[spec]
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["type"] == (ANTHROPIC_TYPES.get(kind, kind) if path == "/v1/messages" else kind)
    assert error["message"]
    assert ("type" in answer.json()) == (path == "/v1/messages")
    assert answer.headers["x-should-retry"] == ("true" if status == 429 else "false")
    assert answer.headers.get("retry-after") == ("60" if status == 429 else None)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("spec", ["cut=2", "errmid=2", "badjson=2"])
async def test_a_failure_in_the_middle_is_no_end(gate: Gate, model_server: ModelServer, path: str, spec: str) -> None:
    """After the first words there is the API's error event instead of an end; a whole answer is an error altogether."""
    await gate.register(model_server.misbehaving(spec))
    body = PATHS[path] | {"model": "my-code-model", "max_tokens": 99}
    answer = await gate.client.post(path, json=body | {"stream": True})
    assert answer.status_code == 200
    assert "return" in answer.text
    mark = {"/v1/messages": "event: error", "/v1/responses": "event: response.failed"}.get(path, '"error":')
    assert mark in answer.text
    assert not any(end in answer.text for end in ("[DONE]", "message_stop", "response.completed", ": beastmode"))
    assert (await gate.client.post(path, json=body)).status_code == 502


async def test_a_request_that_is_wrong_is_told_where(served: Gate, model_server: ModelServer) -> None:
    """By the field's place, as 400, in each API's shape; nothing is sent to a model."""
    for path, field in (("/v1/chat/completions", "messages"), ("/v1/messages", "messages"), ("/v1/responses", "input")):
        answer = await served.client.post(path, json={"model": "default", field: 3})
        assert answer.status_code == 400, path
        assert answer.json()["error"]["message"].startswith(field)
        for wrong in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
            answer = await served.client.post(path, content=wrong)
            assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), wrong[:9]
    assert model_server.stats.requests == 0


async def test_an_unknown_model_is_404_in_each_apis_shape(served: Gate) -> None:
    """With the code that clients look for, and the specification's words."""
    for path, body in PATHS.items():
        answer = await served.client.post(path, json=body | {"model": "custom:nope"})
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert error["message"].startswith("Custom model not found: nope")
        if path == "/v1/messages":
            assert error["type"] == "not_found_error"
        else:
            assert error["code"] == "model_not_found"


async def test_strangers_are_refused_in_each_apis_shape(gate: Gate) -> None:
    """Also what the gateway itself refuses has the shape that the path's clients read."""
    async with gate.as_("wrong") as stranger:
        openai = await stranger.post("/v1/chat/completions", json=HELLO)
        anthropic = await stranger.post("/v1/messages", json=HELLO)
    assert openai.json()["error"]["type"] == anthropic.json()["error"]["type"] == "authentication_error"
    assert anthropic.json()["type"] == "error"
    assert (openai.status_code, anthropic.status_code) == (401, 401)
    nowhere = await gate.client.get("/v1/nothing")
    assert (nowhere.status_code, nowhere.json()["error"]["type"]) == (404, "not_found_error")


async def test_the_models_of_a_caller(served: Gate, model_server: ModelServer) -> None:
    """What the caller may use and `default`, in the shape of whoever asks; one model by any of its names."""
    await served.register(model_server.base, "secret")
    token = await served.gateway.users.add(User("ann", frozenset({"custom:my-code-model"})))
    everything = (await served.client.get("/v1/models")).json()
    assert {model["id"] for model in everything["data"]} >= {"default", "custom:my-code-model", "custom:secret"}
    async with served.as_(token) as ann:
        listed = (await ann.get("/v1/models")).json()
        assert [model["id"] for model in listed["data"]] == ["default", "custom:my-code-model"]
        shown = (await ann.get("/v1/models", headers={"anthropic-version": "2023-06-01"})).json()
        assert [(m["type"], m["id"]) for m in shown["data"]] == [("model", m["id"]) for m in listed["data"]]
        assert (shown["first_id"], shown["has_more"]) == ("default", False)
        for name in ("default", "custom:my-code-model", "my-code-model"):
            assert (await ann.get(f"/v1/models/{name}")).json()["object"] == "model"
        for path in ("/v1/models/secret", "/v1/models/custom:nope"):
            assert (await ann.get(path)).status_code == 404


async def test_embeddings_are_passed_through(served: Gate, model_server: ModelServer) -> None:
    """The endpoint's vectors, and a row of their own kind; without any the error says what to do."""
    answer = await served.client.post("/v1/embeddings", json={"model": "my-code-model", "input": ["abc", "de"]})
    assert [each["embedding"][0] for each in answer.json()["data"]] == [3.0, 2.0]
    assert answer.json()["usage"]["prompt_tokens"] == 1
    (row,) = await served.gateway.app.ledger.tail(1)
    assert (row["task"], row["model"], row["outcome"]) == ("embeddings", "custom:my-code-model", "ok")
    await served.register(model_server.url, "claude", provider="anthropic-compatible")
    refused = await served.client.post("/v1/embeddings", json={"model": "claude", "input": "abc"})
    assert (refused.status_code, "has no embeddings" in refused.json()["error"]["message"]) == (400, True)


async def test_stored_responses_are_refused_with_the_reason(served: Gate) -> None:
    """What would need an earlier response to be known says so."""
    answer = await served.client.post("/v1/responses", json={"input": "go on", "previous_response_id": "resp_1"})
    assert (answer.status_code, "nothing is stored here" in answer.json()["error"]["message"]) == (400, True)
    assert (await served.client.get("/v1/responses/resp_1")).status_code == 404


async def test_tokens_are_counted(served: Gate, model_server: ModelServer) -> None:
    """By the endpoint where it can, else by us, and a header says which."""
    await served.register(model_server.url, "claude", provider="anthropic-compatible")
    for name, by, tokens in (("claude", "endpoint", 1014), ("my-code-model", "estimate", 4)):
        answer = await served.client.post("/v1/messages/count_tokens", json=HELLO | {"model": name})
        assert answer.json() == {"input_tokens": tokens}
        assert answer.headers["x-beastmode-counted-by"] == by


async def test_tools_and_thoughts_cross_from_one_api_to_the_other(gate: Gate, model_server: ModelServer) -> None:
    """Asked in Anthropic's API, answered by a model that speaks OpenAI's, and the other way round."""
    tool = {"name": "read", "description": "Read", "input_schema": {"type": "object"}}
    await gate.register(model_server.misbehaving("think=Hm.+tool=read"), "openai")
    answer = await gate.client.post("/v1/messages", json=HELLO | {"model": "openai", "max_tokens": 9, "tools": [tool]})
    assert [block["type"] for block in answer.json()["content"]] == ["thinking", "text", "tool_use"]
    assert answer.json()["content"][2]["input"] == {"path": "a.py"}
    assert answer.json()["stop_reason"] == "tool_use"
    url = f"{model_server.url}/m/think=Hm.+tool=read"
    await gate.register(url, "claude", provider="anthropic-compatible")
    function = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
    answer = await gate.client.post("/v1/chat/completions", json=HELLO | {"model": "claude", "tools": [function]})
    message = answer.json()["choices"][0]["message"]
    assert (message["reasoning_content"], message["tool_calls"][0]["function"]["name"]) == ("Hm.", "read")
