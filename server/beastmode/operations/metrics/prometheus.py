"""The table as Prometheus' text, by its own client library.

That rather than OpenTelemetry's exporter for Prometheus: it is stable where the exporter is a beta, it has no
dependencies, and the gateway needs no OpenTelemetry SDK to be scraped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from beastmode.operations.metrics.table import METRICS, label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.operations.metrics.table import Metric

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Prometheus:
    """A sink that is scraped; a registry of its own, so that nothing else of the process is in it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made = {metric.name: self._make(metric) for metric in METRICS}
        self._ones: dict[
            tuple[str | None, ...], Histogram | Counter | Gauge
        ] = {}  # finding one again is half of the work

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """See `Sink`."""
        key = (metric.name, *map(attributes.get, metric.attributes))
        one = self._ones.get(key)
        if one is None:
            made = self._made[metric.name]
            one = self._ones[key] = made.labels(*(each or "" for each in key[1:])) if metric.attributes else made
        match one:
            case Histogram():
                one.observe(value)
            case Counter():
                one.inc(value)
            case _:
                one.set(value)

    def forget(self, metric: Metric) -> None:
        """See `Sink`."""
        if metric.attributes:
            self._made[metric.name].clear()
            self._ones = {key: one for key, one in self._ones.items() if key[0] != metric.name}

    def text(self) -> bytes:
        """What a scrape reads."""
        return generate_latest(self._registry)

    def _make(self, metric: Metric) -> Histogram | Counter | Gauge:
        names = [label(each) for each in metric.attributes]
        name, registry = metric.prometheus, self._registry
        if metric.kind == "histogram":
            return Histogram(name, metric.help, names, registry=registry, buckets=metric.buckets)
        if metric.kind == "counter":
            return Counter(name, metric.help, names, registry=registry)
        return Gauge(name, metric.help, names, registry=registry)
