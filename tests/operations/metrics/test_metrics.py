"""The table of metrics, what fills it, and where it goes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.attempts import ROW
from tests.support.collector import collector

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.domain.usage import Price, Usage
from beastmode.operations.metrics.otlp import Otlp
from beastmode.operations.metrics.prometheus import Prometheus
from beastmode.operations.metrics.recorder import Recorder
from beastmode.operations.metrics.table import HEALTH, METRICS, SECONDS, TOKENS, page
from beastmode.settings import load

ROOT = Path(__file__).parents[3]
ASKED = replace(ROW, task=Task.CHAT, provider="mistral", origin="https://api.mistral.ai:443", total_s=0.7)


def samples(prometheus: Prometheus) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample with its labels, those that are empty left out."""
    return {
        (sample.name, tuple(sorted((name, value) for name, value in sample.labels.items() if value))): sample.value
        for family in text_string_to_metric_families(prometheus.text().decode())
        for sample in family.samples
    }


def total(prometheus: Prometheus, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    wanted = set(labels.items())
    return sum(value for (each, has), value in samples(prometheus).items() if each == name and wanted <= set(has))


@pytest.fixture
def prometheus() -> Prometheus:
    return Prometheus()


@pytest.fixture
def recorder(prometheus: Prometheus) -> Recorder:
    return Recorder([prometheus], lambda _model: None)


def test_names_and_boundaries_are_opentelemetrys() -> None:
    """As the conventions of the table's version have them; nothing has two names."""
    by_name = {metric.name: metric for metric in METRICS}
    assert len(by_name) == len(METRICS) == len({metric.prometheus for metric in METRICS})
    duration, usage = by_name["gen_ai.client.operation.duration"], by_name["gen_ai.client.token.usage"]
    assert (duration.unit, duration.buckets) == ("s", SECONDS)
    assert tuple(round(0.01 * 2**power, 2) for power in range(14)) == SECONDS
    assert (usage.unit, usage.buckets, TOKENS[0], TOKENS[-1]) == ("{token}", TOKENS, 1, 67108864)
    assert by_name["gen_ai.client.operation.time_to_first_chunk"].buckets == SECONDS
    assert duration.prometheus == "gen_ai_client_operation_duration_seconds"
    assert by_name["beastmode.cost.usd"].prometheus == "beastmode_cost_usd_total"


def test_the_page_is_the_tables() -> None:
    """Run `python scripts/metrics_page.py` after a change of the table."""
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == page()


async def test_a_try_is_measured(prometheus: Prometheus, recorder: Recorder) -> None:
    """With the names and labels of OpenTelemetry, its tokens, its cost, and the secrets that were kept from it."""
    price = Price(Decimal(2), Decimal(4), date(2026, 1, 1), "user")
    asked = replace(ASKED, usage=Usage(1000, 50), price=price, cost=Decimal("0.0022"), masked=3, queue_s=0.02)
    await recorder.observe(asked)
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "mistral_ai",
        "gen_ai_request_model": "custom:m",
        "server_address": "api.mistral.ai",
        "server_port": "443",
        "beastmode_task": "chat",
    }
    found = samples(prometheus)
    key = tuple(sorted(labels.items()))
    assert found["gen_ai_client_operation_duration_seconds_sum", key] == pytest.approx(0.7)
    assert found["gen_ai_client_operation_time_to_first_chunk_seconds_sum", key] == pytest.approx(0.1)
    bucket = "gen_ai_client_operation_duration_seconds_bucket"
    assert total(prometheus, bucket, le="0.64") == 0
    assert total(prometheus, bucket, le="1.28") == 1
    assert total(prometheus, "gen_ai_client_token_usage_sum", gen_ai_token_type="input") == 1000
    assert total(prometheus, "gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 50
    assert total(prometheus, "beastmode_cost_usd_total") == pytest.approx(0.0022)
    assert total(prometheus, "beastmode_secrets_masked_total") == 3
    assert total(prometheus, "beastmode_attempts_total", beastmode_outcome="ok") == 1


async def test_how_it_ended_is_told_apart(prometheus: Prometheus, recorder: Recorder) -> None:
    """Failed by its kind; cancelled; from memory, which is no try at a model at all."""
    await recorder.observe(replace(ASKED, outcome=Outcome.FAILED, error_kind="rate_limited", first_token_s=None))
    await recorder.observe(replace(ASKED, outcome=Outcome.FAILED, error_kind=None))
    await recorder.observe(replace(ASKED, outcome=Outcome.CANCELLED))
    await recorder.observe(replace(ASKED, cached=True, total_s=0.0))
    count = "gen_ai_client_operation_duration_seconds_count"
    for kind in ("rate_limited", "_OTHER", "cancelled"):
        assert total(prometheus, count, error_type=kind) == 1
    assert total(prometheus, count) == 3
    assert total(prometheus, "beastmode_attempts_total", beastmode_outcome="cached") == 1


async def test_a_providers_price_may_be_known_later(prometheus: Prometheus) -> None:
    """The same price that the ledger takes."""
    recorder = Recorder([prometheus], lambda _model: Price(Decimal(1), Decimal(1), date(2026, 1, 1), "genai-prices"))
    await recorder.observe(replace(ASKED, cost=None, usage=Usage(500_000, 500_000)))
    assert total(prometheus, "beastmode_cost_usd_total") == pytest.approx(1.0)


def test_a_gauge_forgets_what_is_gone(prometheus: Prometheus, recorder: Recorder) -> None:
    """A model that was removed has no health any more."""
    recorder.set(HEALTH, [(1.0, {"gen_ai.request.model": "custom:a", "beastmode.level": "healthy"})])
    recorder.set(HEALTH, [(1.0, {"gen_ai.request.model": "custom:b", "beastmode.level": "healthy"})])
    assert [dict(labels)["gen_ai_request_model"] for name, labels in samples(prometheus) if "health" in name] == [
        "custom:b"
    ]


async def test_a_collector_gets_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """By OTLP over HTTP, with the table's units and boundaries; what is left is sent when it is closed."""
    with collector() as (url, heard):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        otlp = Otlp()
        recorder = Recorder([otlp], lambda _model: None)
        await recorder.observe(ASKED)
        recorder.set(HEALTH, [(1.0, {"gen_ai.request.model": "custom:m", "beastmode.level": "healthy"})])
        await asyncio.to_thread(otlp.close)
    path, request = heard[-1]
    assert path == "/v1/metrics"
    (resource,) = request.resource_metrics
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == "beastmode"
    found = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    duration = found["gen_ai.client.operation.duration"]
    assert (duration.unit, tuple(duration.histogram.data_points[0].explicit_bounds)) == ("s", SECONDS)
    labels = {each.key: each.value.string_value for each in duration.histogram.data_points[0].attributes}
    assert labels["gen_ai.provider.name"] == "mistral_ai"
    assert "error.type" not in labels
    assert {"gen_ai.client.token.usage", "beastmode.attempts", "beastmode.model.health"} <= set(found)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_METRICS_EXPORTER": "none"}, False),
    ],
)
def test_the_usual_variables_decide(environment: dict[str, str], wanted: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Nothing is sent, and no SDK imported, unless they name a collector."""
    settings, notices = load({"BEASTMODE_HOME": str(tmp_path), **environment})
    assert (settings.otlp, notices) == (wanted, ())
