"""Embeddings, counting and receipts: the whole app in front of the model server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.domain.errors import InvalidFormat, UserError
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import ChatRequest, EmbedRequest, Message, Request, Task, Tool
from beastmode.domain.response import Started, StreamEvent, UsageReport, Vectors
from beastmode.domain.routing import Policy
from beastmode.domain.usage import Price, Usage
from beastmode.operations.receipts import Receipt
from beastmode.settings import load

ASK = ChatRequest((Message("user", "What is a sum, and what is a product?"),))


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer("return a + b") as server:
        yield server


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    settings, _ = load({"BEASTMODE_HOME": str(tmp_path / "home")})
    app = await App.open(settings)
    yield app
    await app.close()


def model(url: str, name: str = "m", provider: str = "openai-compatible", chat: str = "openai-chat") -> ModelSpec:
    price = Price(Decimal(2), Decimal(4), date(2026, 11, 1), "test")
    return ModelSpec(f"custom:{name}", name, provider, url, name, chat, None, price=price)


async def read(app: App, request: Request) -> tuple[list[StreamEvent], Receipt]:
    events: list[StreamEvent] = []
    receipt: Receipt | None = None
    async with aclosing(app.router.stream(request, shares=False)) as coming:
        async for event in coming:
            if isinstance(event, Started):
                receipt = app.receipts.open(event.request_id)
            events.append(event)
    assert receipt is not None
    return events, receipt


async def test_vectors_are_passed_on_and_accounted_for(app: App, server: ModelServer) -> None:
    """The endpoint's own list; a row of its own kind with the tokens and what they cost."""
    await app.registry.add(model(server.base), None)
    events, receipt = await read(app, EmbedRequest(("a" * 40, "bc"), model="m", dimensions=2))
    assert [event.data for event in events if isinstance(event, Vectors)] == [
        [
            {"object": "embedding", "index": 0, "embedding": [40.0, 0.5]},
            {"object": "embedding", "index": 1, "embedding": [2.0, 0.5]},
        ]
    ]
    assert UsageReport(Usage(10, 0)) in events
    (row,) = await app.ledger.tail(9)
    assert (row["task"], row["outcome"], row["input_tokens"], row["output_tokens"]) == ("embeddings", "ok", 10, 0)
    assert row["cost_nano"] == 20_000
    assert receipt.cost == Decimal("0.00002")
    assert server.stats.last[0].body == {"model": "m", "input": ["a" * 40, "bc"], "dimensions": 2}


async def test_no_other_model_steps_in_for_embeddings(app: App, server: ModelServer) -> None:
    """Its vectors would mean something else; who has none is told so before anything is sent."""
    await app.registry.add(model(server.misbehaving("401"), "broken"), None)
    await app.registry.add(model(server.base, "other"), None)
    await app.registry.add(model(server.base, "claude", "anthropic-compatible", "anthropic-messages"), None)
    await app.registry.set_route(Task.EMBEDDINGS, ["custom:broken", "custom:other"])
    with pytest.raises(Exception, match="401"):
        await read(app, EmbedRequest(("a",)))
    assert server.stats.requests == 1
    with pytest.raises(UserError, match="custom:claude has no embeddings"):
        await read(app, EmbedRequest(("a",), model="claude"))


async def test_too_few_vectors_are_no_answer(app: App, server: ModelServer) -> None:
    """A list that does not fit the question is refused."""
    await app.registry.add(model(f"{server.url}/odd/v1"), None)
    server.also = {"/odd/v1/embeddings": {"object": "list", "data": [{"embedding": [1.0]}]}}
    with pytest.raises(InvalidFormat, match="1 vectors for 2 texts"):
        await read(app, EmbedRequest(("a", "b"), model="m"))


async def test_tokens_are_counted_by_the_endpoint_where_it_can(app: App, server: ModelServer) -> None:
    """Anthropic's count for nothing and without a row; else an estimate that says so."""
    await app.registry.add(model(server.url, "claude", "anthropic-compatible", "anthropic-messages"), None)
    await app.registry.add(model(server.base, "other"), None)
    tools = (Tool("grep", "Search", '{"type": "object"}'),)
    asked = ChatRequest(ASK.messages, model="claude", tools=tools, max_tokens=9)
    count = await app.counter.count(asked)
    assert (count.tokens, count.estimated, count.model) == (1000 + len(ASK.messages[0].text), False, "custom:claude")
    assert set(server.stats.last[0].body) == {"model", "messages", "tools"}
    other = await app.counter.count(ChatRequest(ASK.messages, model="other"))
    assert (other.tokens, other.estimated) == (round(len(ASK.messages[0].text) / 3.5), True)
    assert await app.ledger.tail(9) == []


async def test_a_count_that_fails_is_an_estimate(app: App, server: ModelServer) -> None:
    """An endpoint without that path costs nobody the answer."""
    url = f"{server.url}/m/404"
    await app.registry.add(model(url, "claude", "anthropic-compatible", "anthropic-messages"), None)
    assert (await app.counter.count(ChatRequest(ASK.messages, model="claude"))).estimated


async def test_a_receipt_has_every_try(app: App, server: ModelServer) -> None:
    """The one that failed and the one that answered, with reasons and the sum."""
    await app.registry.add(model(server.misbehaving("404"), "broken"), None)
    await app.registry.add(model(server.base, "other"), None)
    await app.registry.set_policy(Policy(allow_paid_fallback=True))
    await app.registry.set_route(Task.CHAT, ["custom:broken", "custom:other"])
    _, receipt = await read(app, ASK)
    assert [(a.model, a.reason, a.outcome) for a in receipt.attempts] == [
        ("custom:broken", "selected for chat", "failed"),
        ("custom:other", "fallback for chat", "ok"),
    ]
    assert receipt.cost == sum(a.cost or 0 for a in receipt.attempts)
