"""Models over HTTP: registered, changed, tried, removed; by the owner only, and never with their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from beastmode.registry.registration import parse
from beastmode.registry.users import User

if TYPE_CHECKING:
    from tests.support.gateway_client import Gate
    from tests.support.model_server import ModelServer

KEY = "sk-never-to-be-seen-0123456789"


def fields(base: str) -> dict[str, Any]:
    """As the specification's example has them."""
    return {
        "model_name": "My Code Model",
        "model_id": "my-code-model",
        "endpoint_url": f"{base}/chat/completions",
        "provider": "openai-compatible",
        "api_key": KEY,
        "description": "Custom model for code generation",
        "context_window": 8192,
        "max_tokens": 4000,
        "temperature": 0.7,
    }


async def test_a_model_from_its_registration_to_its_end(gate: Gate, model_server: ModelServer) -> None:
    """Saved after its endpoint answered, listed, changed, selected, tried, removed; no answer holds its key."""
    made = await gate.client.post("/api/models/custom", json=fields(model_server.base))
    assert made.status_code == 201, made.text
    assert made.json()["model"]["id"] == "custom:my-code-model"
    assert made.json()["model"]["has_key"] is True
    assert all(check["ok"] for check in made.json()["checks"])
    one = "/api/models/custom/custom:my-code-model"
    changed = await gate.client.patch(one, json={"temperature": 0.1, "selected": True, "modelName": "Renamed"})
    assert changed.status_code == 200, changed.text
    model = changed.json()["model"]
    assert (model["temperature"], model["selected"], model["model_name"]) == (0.1, True, "Renamed")
    assert (model["max_tokens"], model["has_key"], model["chats"]) == (4000, True, True)
    tried = await gate.client.post(f"{one}/test")
    assert tried.json()["success"] is True
    listed = await gate.client.get("/api/models/list")
    gone = await gate.client.delete("/api/models/custom/my-code-model")
    assert gone.json() == {"success": True, "id": "custom:my-code-model"}
    assert "my-code-model" not in (await gate.client.get("/api/models/list")).text
    assert KEY not in "".join(answer.text + str(answer.headers) for answer in (made, changed, tried, listed, gone))


async def test_camel_case_is_understood_too(gate: Gate, model_server: ModelServer) -> None:
    """The same fields, as JavaScript writes them."""
    camel = {"modelName": "M", "modelId": "m", "endpointUrl": model_server.base, "contextWindow": 4096}
    made = await gate.client.post("/api/models/custom", json=camel)
    assert made.status_code == 201, made.text
    assert made.json()["model"]["context_window"] == 4096


async def test_an_endpoint_that_does_not_answer_is_saved_only_when_told_to(gate: Gate) -> None:
    """The reason is given; nothing is saved; `force` saves it."""
    dead = fields("http://127.0.0.1:9/v1")
    refused = await gate.client.post("/api/models/custom", json=dead)
    assert refused.status_code == 502
    assert refused.json()["success"] is False
    assert "force" in refused.json()["fix"]
    assert "my-code-model" not in (await gate.client.get("/api/models/list")).text
    assert (await gate.client.post("/api/models/custom", json=dead | {"force": True})).status_code == 201


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"endpoint_url": "http://169.254.169.254/latest/meta-data"}, "endpoint_url"),
        ({"endpoint_url": "http://[fd00:ec2::254]/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://[::ffff:169.254.169.254]/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://2852039166/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://0xA9FEA9FE/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://0251.0376.0251.0376/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://metadata.google.internal/v1"}, "endpoint_url"),
        ({"endpoint_url": "file:///etc/passwd"}, "endpoint_url"),
        ({"endpoint_url": "gopher://127.0.0.1/"}, "endpoint_url"),
        ({"endpoint_url": "http://user:pass@127.0.0.1/v1"}, "endpoint_url"),
        ({"endpoint_url": "http://127.0.0.1/v1?x=1"}, "endpoint_url"),
        ({"endpoint_url": "http://api.example.com/v1"}, "api_key"),
        ({"temperature": 9}, "temperature"),
        ({"provider": "nonsense"}, "provider"),
        ({"model_id": "../../x"}, "model_id"),
    ],
)
async def test_a_wrong_field_is_named(gate: Gate, sent: dict[str, Any], field: str) -> None:
    """Metadata services under every spelling, other schemes, credentials in URLs: refused before anything is asked."""
    refused = await gate.client.post(
        "/api/models/custom", json=fields("http://127.0.0.1:9/v1") | sent | {"force": True}
    )
    assert refused.status_code == 422, refused.text
    assert field in refused.json()["errors"]
    assert KEY not in refused.text
    if field == "endpoint_url":
        await gate.register("http://127.0.0.1:9/v1")
        changed = await gate.client.patch("/api/models/custom/my-code-model", json=sent | {"force": True})
        assert changed.status_code == 422, changed.text


async def test_a_moved_endpoint_does_not_take_the_key_along(gate: Gate, model_server: ModelServer) -> None:
    """The key was given for one origin; at another one the model is asked without it."""
    assert (await gate.client.post("/api/models/custom", json=fields(model_server.base))).status_code == 201
    moved = {"endpoint_url": "http://127.0.0.1:9/v1", "force": True}
    changed = await gate.client.patch("/api/models/custom/my-code-model", json=moved)
    assert changed.json()["model"]["has_key"] is False


async def test_only_the_owner_registers_and_changes(gate: Gate) -> None:
    """A user who may ask every model may still change none."""
    await gate.register("http://127.0.0.1:9/v1")
    token = await gate.gateway.users.add(User("ada", frozenset({"*"})))
    one = "/api/models/custom/my-code-model"
    async with gate.as_(token) as ada:
        for method, path in (("POST", "/api/models/custom"), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/test")):
            refused = await ada.request(method, path, json=fields("http://127.0.0.1:9/v1"))
            assert refused.status_code == 403, path
    assert gate.gateway.app.registry.get("my-code-model")


async def test_a_model_that_is_made_anew_is_not_everybodys(gate: Gate) -> None:
    """Removing one takes its grants along."""
    await gate.register("http://127.0.0.1:9/v1")
    await gate.client.patch("/api/models/custom/my-code-model", json={"isPublic": True})
    assert gate.gateway.users.public == {"custom:my-code-model"}
    await gate.client.delete("/api/models/custom/my-code-model")
    assert gate.gateway.users.public == frozenset()


async def test_the_specifications_text_for_a_model_that_there_is_not(gate: Gate) -> None:
    """`Custom model not found: my-model`, wherever it is named."""
    for method in ("PATCH", "DELETE"):
        answer = await gate.client.request(method, "/api/models/custom/my-model", json={})
        assert (answer.status_code, answer.json()["error"]) == (404, "Custom model not found: my-model")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"model_name": {}}'])
async def test_what_is_no_registration_is_a_problem_of_the_client(gate: Gate, body: bytes) -> None:
    """Never one of ours."""
    answer = await gate.client.post("/api/models/custom", content=body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"])
async def test_a_name_that_leads_to_a_metadata_service_is_not_asked(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """What is looked at is the address that is connected to, whatever the name led to before."""

    async def resolve(_self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}]

    sent = {"model_name": "M", "model_id": "m", "endpoint_url": "http://models.internal:9/v1"}
    await gate.gateway.app.registry.add(*parse(sent))
    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    tried = await gate.client.post("/api/models/custom/m/test")
    assert tried.json()["success"] is False
    assert "link-local or metadata address" in tried.text
