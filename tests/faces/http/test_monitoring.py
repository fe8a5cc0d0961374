"""Monitoring over HTTP: the specification's object, Prometheus' text, what a load balancer asks, Grafana's file."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import httpx
import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.collector import collector
from tests.support.gateway_client import Gate, opened_gate
from tests.support.gateway_socket import opened_door
from tests.support.model_server import ModelServer
from tests.support.targets import Webhook

from beastmode.app import App
from beastmode.domain.errors import Unauthorized
from beastmode.operations.alerts.outbox import Event
from beastmode.operations.metrics.table import METRICS, label
from beastmode.operations.remote import ask_gateway
from beastmode.registry.users import User
from beastmode.settings import Settings
from beastmode.transport import Network, Transport

ROOT = Path(__file__).parents[3]
URL = "/api/models/custom/monitoring"
PERCENT, MILLISECONDS, DOLLARS = r"^\d+\.\d\d%$", r"^\d+\.\d\dms$", r"^(-?\$\d+\.\d+|unknown)$"
SHAPE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["success", "metrics", "health"],
    "properties": {
        "success": {"const": True},
        "metrics": {
            "type": "object",
            "additionalProperties": False,
            "required": ["requests", "performance", "costs"],
            "properties": {
                "requests": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["total", "success", "failures", "successRate", "byModel"],
                    "properties": {
                        "total": {"type": "integer"},
                        "success": {"type": "integer"},
                        "failures": {"type": "integer"},
                        "successRate": {"type": "string", "pattern": PERCENT},
                        "byModel": {"type": "object", "additionalProperties": {"type": "integer"}},
                    },
                },
                "performance": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["averageLatency", "p50Latency", "p95Latency", "p99Latency"],
                    "properties": {
                        name: {"type": "string", "pattern": MILLISECONDS}
                        for name in ("averageLatency", "p50Latency", "p95Latency", "p99Latency")
                    },
                },
                "costs": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["customModelCost", "providerModelCost", "savings", "savingsPercent"],
                    "properties": {
                        "customModelCost": {"type": "string", "pattern": DOLLARS},
                        "providerModelCost": {"type": "string", "pattern": DOLLARS},
                        "savings": {"type": "string", "pattern": DOLLARS},
                        "savingsPercent": {"type": "string", "pattern": r"^(-?\d+\.\d%|unknown)$"},
                    },
                },
            },
        },
        "health": {
            "type": "object",
            "additionalProperties": False,
            "required": ["status", "successRate", "averageLatency", "totalRequests", "issues"],
            "properties": {
                "status": {"enum": ["healthy", "degraded", "unhealthy", "unknown"]},
                "successRate": {"type": "string", "pattern": PERCENT},
                "averageLatency": {"type": "string", "pattern": r"^\d+ms$"},
                "totalRequests": {"type": "integer"},
                "issues": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}


async def ask(client: httpx.AsyncClient, model: str = "custom:my-code-model", text: str = "hi") -> httpx.Response:
    """A chat message to a model, through the OpenAI API."""
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return await client.post("/v1/chat/completions", json=body)


def families(text: str) -> dict[str, Any]:
    """What a scrape reads, by name."""
    return {family.name: family for family in text_string_to_metric_families(text)}


async def test_it_is_the_specifications_object(gate: Gate, model_server: ModelServer) -> None:
    """Before the first request and after it, field by field, and nothing else."""
    await gate.register(model_server.base)
    before = (await gate.client.get(URL)).json()
    jsonschema.validate(before, SHAPE)
    assert (before["metrics"]["requests"]["total"], before["health"]["status"]) == (0, "unknown")
    assert (await ask(gate.client)).status_code == 200
    after = (await gate.client.get(URL)).json()
    jsonschema.validate(after, SHAPE)
    assert after["metrics"]["requests"]["byModel"] == {"custom:my-code-model": 1}
    assert after["health"]["status"] == "healthy"
    assert (await gate.client.get(URL, params={"since": "1s"})).status_code == 200


async def test_details_are_for_beastmode_monitor(gate: Gate, model_server: ModelServer) -> None:
    """Models, series and recent errors with what to do, on request; a wrong time is refused with its fix."""
    await gate.register(f"{model_server.url}/m/500/v1")
    assert (await ask(gate.client)).status_code >= 500
    told = (await gate.client.get(URL, params={"details": "true", "since": "7d"})).json()
    assert told["recentErrors"][0]["fix"]
    assert sum(told["series"]["requests"]) == told["metrics"]["requests"]["failures"] > 0
    wrong = await gate.client.get(URL, params={"since": "soon"})
    assert wrong.status_code == 400
    assert "soon" in wrong.json()["detail"]


async def test_a_user_sees_only_their_own(gate: Gate, model_server: ModelServer) -> None:
    """Neither the models that others asked nor their errors; and /metrics is the owner's."""
    await gate.register(model_server.base)
    await gate.register(f"{model_server.url}/m/500/v1", "secret-model")
    await ask(gate.client, "custom:secret-model")
    token = await gate.gateway.users.add(User("ann", frozenset({"custom:my-code-model"})))
    async with gate.as_(token) as ann:
        assert (await ask(ann)).status_code == 200
        told = await ann.get(URL, params={"details": "true"})
        assert told.json()["metrics"]["requests"]["byModel"] == {"custom:my-code-model": 1}
        assert "secret-model" not in told.text
        assert (await ann.get("/metrics")).status_code == 403
    async with gate.as_(None) as nobody:
        assert (await nobody.get("/metrics")).status_code == 401
        assert (await nobody.get(URL)).status_code == 401


async def test_what_a_scrape_reads(gate: Gate, model_server: ModelServer) -> None:
    """Every metric of the table; tries, what the caller saw, and the ledger's gauges; no path that a client made up."""
    await gate.register(model_server.base)
    await ask(gate.client)
    await gate.client.get("/api/models/custom/made-up-by-a-client")
    await gate.client.get("/v1/models/custom:my-code-model")
    answer = await gate.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = families(answer.text)
    assert {metric.prometheus.removesuffix("_total") for metric in METRICS} <= set(found)
    samples = {
        (sample.name, sample.labels.get("http_route", "")): sample.value
        for family in found.values()
        for sample in family.samples
        if sample.labels.get("beastmode_task") != "probe"
    }
    assert samples["gen_ai_client_operation_duration_seconds_count", ""] == 1
    assert samples["beastmode_request_duration_seconds_count", "/v1/chat/completions"] == 1
    assert samples["beastmode_request_duration_seconds_count", "/v1/models/{model_id}"] == 1
    assert "made-up" not in answer.text
    levels = {sample.labels["beastmode_level"]: sample.value for sample in found["beastmode_model_health"].samples}
    assert levels == {"healthy": 1, "degraded": 0, "unhealthy": 0, "unknown": 0}


async def test_a_load_balancer_needs_no_token(gate: Gate) -> None:
    """Alive while the process is; ready until it is told to end, or its database is gone; nothing else is told."""
    async with gate.as_(None) as nobody:
        assert (await nobody.get("/healthz")).text == "ok\n"
        assert (await nobody.get("/readyz")).text == "ok\n"
        gate.gateway.ending.set()
        answer = await nobody.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "ending\n")
        assert (await nobody.get("/healthz")).status_code == 200


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy/grafana/beastmode.json").read_text("utf-8"))
    return found


def test_the_dashboard_can_be_imported() -> None:
    """It is what Grafana takes; no panel lies on another, and none hangs over the edge."""
    schema = json.loads(Path(__file__).with_name("grafana.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(dashboard(), schema)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


async def test_every_query_asks_for_what_there_is(gate: Gate) -> None:
    """Names and labels are those of the real /metrics, whatever the table is changed to."""
    found = families((await gate.client.get("/metrics")).text)
    names = set()
    for family in found.values():
        suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    labels = {label(each) for metric in METRICS for each in metric.attributes} | {"le"}
    queries = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    queries += [each["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]
    asked = {name for query in queries for name in re.findall(r"\b(?:gen_ai|beastmode)_\w+", query)}
    assert asked - labels <= names
    assert asked - labels, "the pattern finds something"
    given = {
        name for query in queries for part in re.findall(r"\{([^}]*)\}", query) for name in re.findall(r"(\w+)=", part)
    }
    grouped = {name for query in queries for part in re.findall(r"by \(([^)]*)\)", query) for name in part.split(", ")}
    assert given | grouped <= labels


async def test_a_request_that_is_given_up_is_measured(gate: Gate) -> None:
    """The try that was under way, as cancelled, and what its caller saw, though nobody waited for the end."""
    async with ModelServer(text="late") as slow:
        await gate.register(slow.base)
        slow.spec, before = "ttft=60000", slow.stats.requests
        asking = asyncio.ensure_future(ask(gate.client))
        while slow.stats.requests == before:
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        found = families((await gate.client.get("/metrics")).text)
    ended = {
        sample.labels["beastmode_outcome"]: sample.value
        for sample in found["beastmode_attempts"].samples
        if sample.name.endswith("_total") and sample.labels["beastmode_task"] == "chat"
    }
    assert ended == {"cancelled": 1}
    statuses = {
        sample.labels["http_response_status_code"]
        for sample in found["beastmode_request_duration_seconds"].samples
        if sample.labels.get("http_route") == "/v1/chat/completions"
    }
    assert statuses == {"499"}


async def test_the_gateway_delivers_alerts(settings: Settings) -> None:
    """What waits in the outbox goes out as soon as a gateway runs, with no editor and no cron."""
    webhook = Webhook()
    try:
        app = await App.open(settings)
        await app.alerts.targets.add("hook", f"http://127.0.0.1:{webhook.port}/hook", time())
        await app.alerts.outbox.put(Event("r", "s", "alert", "in the outbox"), ["hook"], time())
        await app.close()
        async with opened_gate(settings):
            while not webhook.taken:
                await asyncio.sleep(0.01)
    finally:
        webhook.close()
    assert webhook.taken[0][1]["message"].startswith("in the outbox")


async def test_a_collector_hears_of_the_gateways_requests(
    settings: Settings, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the user's environment names one: tries, requests and gauges, at the latest when the gateway ends."""
    with collector() as (url, heard):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        async with opened_gate(replace(settings, otlp=True)) as gate:
            await gate.register(model_server.base)
            assert (await ask(gate.client)).status_code == 200
    metrics = {
        metric.name
        for _, request in heard
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {"gen_ai.client.operation.duration", "beastmode.request.duration", "beastmode.spend.usd"} <= metrics


async def test_beastmode_monitor_asks_it(settings: Settings) -> None:
    """Over a real socket, with its token; a wrong one is refused with what to do."""
    transport = Transport(Network())
    try:
        async with opened_door(settings) as door:
            url = f"http://127.0.0.1:{door.port}"
            told = await ask_gateway(transport, url, door.token, "7d")
            assert (told["metrics"]["requests"]["total"], told["recentErrors"]) == (0, [])
            with pytest.raises(Unauthorized, match="401") as refused:
                await ask_gateway(transport, url, "bm_wrong", "7d")
            assert "`beastmode token`" in refused.value.fix
    finally:
        await transport.aclose()
