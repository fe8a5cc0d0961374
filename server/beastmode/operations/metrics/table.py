"""Every metric, one row each: names, units and bucket boundaries in one place, for Prometheus, OTLP and the docs.

The names that begin with `gen_ai.` are OpenTelemetry's, from the semantic conventions for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai), which are still in development: where they change, this
table is what changes, and VERSION with it. They are about single tries at a model. What a caller saw, money (for which
OpenTelemetry has no instrument) and what only we know have names of our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

VERSION = "2026-11"
"""Of this table: the month in which the conventions were read."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(float(4**power) for power in range(14))
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

TRY = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "server.address",
    "server.port",
    "error.type",
    "beastmode.task",
)
"""What is said of a try: `error.type` is empty where it succeeded."""

_UNITS = {"s": "seconds"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: OpenTelemetry's way of writing it.
        kind: a histogram of values, a counter that only grows, or a gauge that is set.
        unit: as UCUM has it; `{token}` counts things.
        help: what it says.
        attributes: what its values are told apart by.
        buckets: upper boundaries of a histogram.
    """

    name: str
    kind: Literal["histogram", "counter", "gauge"]
    unit: str
    help: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def prometheus(self) -> str:
        """The name in Prometheus, by the rules of OpenTelemetry's compatibility page: the unit is part of it."""
        name, unit = label(self.name), "" if self.unit.startswith("{") else _UNITS[self.unit]
        name = f"{name}_{unit}" if unit and not name.endswith(unit) else name
        return f"{name}_total" if self.kind == "counter" else name


def label(attribute: str) -> str:
    """The name of an attribute in Prometheus."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


DURATION = Metric("gen_ai.client.operation.duration", "histogram", "s", "How long a try at a model took.", TRY, SECONDS)
USAGE = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "Tokens of a try, as the endpoint reported them, or as we counted them (beastmode.estimated).",
    (*TRY, "gen_ai.token.type", "beastmode.estimated"),
    TOKENS,
)
FIRST_CHUNK = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "histogram",
    "s",
    "How long it was until the first text of a try's answer.",
    TRY,
    SECONDS,
)
ATTEMPTS = Metric(
    "beastmode.attempts",
    "counter",
    "{attempt}",
    "Tries at models, and answers from memory, by how they ended: ok, failed, cancelled, cached.",
    ("gen_ai.request.model", "gen_ai.provider.name", "beastmode.task", "beastmode.outcome"),
)
QUEUE = Metric(
    "beastmode.queue.duration",
    "histogram",
    "s",
    "How long a try waited until its endpoint had room.",
    ("gen_ai.request.model",),
    QUICK,
)
COST = Metric(
    "beastmode.cost.usd",
    "counter",
    "{USD}",
    "US dollars that tries cost, where the price is known.",
    ("gen_ai.request.model", "gen_ai.provider.name", "beastmode.task"),
)
MASKED = Metric(
    "beastmode.secrets.masked",
    "counter",
    "{secret}",
    "Secrets that were kept from endpoints.",
    ("gen_ai.request.model",),
)
REQUEST = Metric(
    "beastmode.request.duration",
    "histogram",
    "s",
    "How long a request to the gateway took, to the last byte; what its caller saw, over all tries.",
    ("http.route", "http.request.method", "http.response.status_code"),
    SECONDS,
)
FIRST_BYTE = Metric(
    "beastmode.request.time_to_first_byte",
    "histogram",
    "s",
    "How long it was until the first byte of the gateway's answer.",
    ("http.route", "http.request.method"),
    SECONDS,
)
HEALTH = Metric(
    "beastmode.model.health",
    "gauge",
    "{level}",
    "How a model does, from the whole machine's ledger: 1 for the level it has, 0 for the others.",
    ("gen_ai.request.model", "beastmode.level"),
)
SPEND = Metric(
    "beastmode.spend.usd",
    "gauge",
    "{USD}",
    "US dollars that paid models cost since local midnight, and since the first of the month; of the whole ledger.",
    ("beastmode.period",),
)
CAP = Metric("beastmode.cap.usd", "gauge", "{USD}", "The spending caps, where there are any.", ("beastmode.period",))
SAVINGS = Metric(
    "beastmode.savings.usd",
    "gauge",
    "{USD}",
    "US dollars saved at least, beside the baseline model, in the same periods; of the whole ledger.",
    ("beastmode.period",),
)
UNDELIVERED = Metric("beastmode.alerts.undelivered", "gauge", "{alert}", "Alerts that have not reached their target.")
BUILD = Metric(
    "beastmode.build.info",
    "gauge",
    "{build}",
    "Always 1; says which version runs, and of which version this table is.",
    ("beastmode.version", "beastmode.metrics.version"),
)

METRICS = (
    DURATION,
    USAGE,
    FIRST_CHUNK,
    ATTEMPTS,
    QUEUE,
    COST,
    MASKED,
    REQUEST,
    FIRST_BYTE,
    HEALTH,
    SPEND,
    CAP,
    SAVINGS,
    UNDELIVERED,
    BUILD,
)
"""All of them, in the order of docs/metrics.md."""


def page() -> str:
    """docs/metrics.md."""
    rows = []
    for metric in METRICS:
        told = ", ".join(f"`{label(each)}`" for each in metric.attributes) or "none"
        rows.append(
            f"| `{metric.name}` | `{metric.prometheus}` | {metric.kind}, {metric.unit} | {metric.help} | {told} |"
        )
    buckets = [
        f"| `{metric.name}` | {' '.join(f'{edge:.12g}' for edge in metric.buckets)} |"
        for metric in METRICS
        if metric.buckets
    ]
    return _PAGE.format(version=VERSION, rows="\n".join(rows), buckets="\n".join(buckets))


_PAGE = """# Metrics

<!-- Written by `python scripts/metrics_page.py` from server/beastmode/operations/metrics/table.py; do not edit. -->

`GET /metrics` of the gateway shows these to Prometheus, with the owner's token (`authorization` with
`credentials_file` in Prometheus' scrape configuration). Where the usual variables name a collector
(`OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`), the same go there by OTLP over HTTP:
`pip install 'beastmode[otlp]'`; the OpenTelemetry SDK reads its other `OTEL_*` variables itself.

What is counted is what passed through this process since it started, cancelled requests included; gauges are read from
the ledger, which all processes of the machine share. `deploy/grafana/beastmode.json` is a dashboard of them.

Names, units and boundaries that begin with `gen_ai.` are those of OpenTelemetry's semantic conventions for generative
AI, which are still in development; this is version {version} of the table, which `beastmode_build_info` says too. There
is no `time_per_output_chunk`: pieces of an answer are not counted.

| OpenTelemetry | Prometheus | kind, unit | says | labels |
| --- | --- | --- | --- | --- |
{rows}

Boundaries of the buckets:

| metric | boundaries |
| --- | --- |
{buckets}
"""
