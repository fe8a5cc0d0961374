"""Listing what a provider serves: real sockets for the way there, any JSON for what comes back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.model_server import ModelServer

from beastmode.domain.errors import AttemptFailed, InvalidFormat, Unauthorized, Unreachable, UserError
from beastmode.operations.served_models import served_models
from beastmode.registry.providers import ProviderRow, load_rows
from beastmode.transport import Network, Transport

OPENAI = load_rows()["openai"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "models", "id", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


class Says:
    """Answers every question with one body, and keeps what was asked."""

    def __init__(self, body: object, status: int = 200) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def get(self, url: str, secret_headers: Mapping[str, str], **_limits: float) -> tuple[int, bytes]:
        self.asked.append((url, dict(secret_headers)))
        return self.status, self.body


def at(url: str) -> ProviderRow:
    return replace(OPENAI, provider=replace(OPENAI.provider, base_url=url), models_url=f"{url}/models")


async def ids(body: object) -> list[str]:
    return [model.upstream_id for model in await served_models(OPENAI, {}, Says(body))]


async def test_a_real_server_is_asked_with_the_key() -> None:
    """Over a real connection; a wrong key and no server are named, with what to do."""
    transport = Transport(Network())
    async with ModelServer(key="sk-real", models=("b", "a")) as server:
        row = at(server.base)
        found = await served_models(row, {"authorization": "Bearer sk-real"}, transport)
        assert [model.id for model in found] == ["openai:a", "openai:b"]
        assert all(model.has_key and model.endpoint_url == server.base for model in found)
        with pytest.raises(Unauthorized, match=r"401.*beastmode keys set openai.*OPENAI_API_KEY") as caught:
            await served_models(row, {"authorization": "Bearer sk-wrong"}, transport)
        assert "sk-wrong" not in str(caught.value)
    with pytest.raises(Unreachable):
        await served_models(row, {}, transport)
    await transport.aclose()


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": [{"id": "b", "object": "model"}, {"id": "a"}, {"id": "a"}]},
        {"data": [{"type": "model", "id": "a", "display_name": "A"}, {"id": "b"}], "has_more": False},
        {"models": [{"name": "a", "model": "a"}, {"name": "b"}]},
        [{"id": "b", "type": "chat"}, {"id": "a"}],
        ["b", "a"],
    ],
    ids=["OpenAI", "Anthropic", "Ollama", "Together", "bare"],
)
async def test_every_known_list_is_read(body: object) -> None:
    """Sorted, each once."""
    assert await ids(body) == ["a", "b"]


async def test_what_is_no_name_of_a_model_is_left_out() -> None:
    """An id that no terminal should print, or that is none, does not spoil the others."""
    strange: list[Any] = [{"id": "\x1b[31mred"}, {"id": "a" * 300}, {"id": 5}, {}, None, {"id": "a b"}, {"id": "ok"}]
    assert await ids({"data": strange}) == ["ok"]


@pytest.mark.parametrize(
    ("body", "looks_like"),
    [(b"<html>", "broken JSON"), ({"choices": []}, "unknown shape"), (5, "unknown shape"), (b"[" * 100_000, "broken")],
)
async def test_what_is_no_list_is_named(body: object, looks_like: str) -> None:
    """As what it looks like, with a fix."""
    with pytest.raises(InvalidFormat, match=looks_like):
        await ids(body)


@settings(deadline=None, max_examples=50)
@given(JSON)
async def test_no_json_breaks_it(body: object) -> None:
    """Any answer is a list of models or an error of ours."""
    try:
        found = await ids(body)
    except InvalidFormat:
        return
    assert all(each.isprintable() for each in found)


async def test_a_refusal_never_repeats_the_key() -> None:
    """Its body is not shown: some providers quote the key in it."""
    for status in (301, 401, 403, 404, 429, 500):
        with pytest.raises(AttemptFailed, match=str(status)) as caught:
            await served_models(OPENAI, {}, Says({"error": {"message": "Incorrect API key provided: sk-1"}}, status))
        assert "sk-1" not in str(caught.value)


async def test_anthropic_is_asked_in_its_own_way() -> None:
    """All models at once, with the version that it insists on."""
    says = Says({"data": []})
    assert await served_models(load_rows()["anthropic"], {"x-api-key": "k"}, says) == ()
    url, headers = says.asked[0]
    assert url.startswith("https://api.anthropic.com/v1/models?limit=")
    assert headers == {"x-api-key": "k", "anthropic-version": "2023-06-01"}


async def test_a_kind_of_server_has_no_list() -> None:
    """It has no address until a model is registered; the error says so."""
    with pytest.raises(UserError, match="no address of its own"):
        await served_models(load_rows()["openai-compatible"], {}, Says([]))
