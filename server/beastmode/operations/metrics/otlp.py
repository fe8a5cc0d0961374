"""The table to an OpenTelemetry collector, over HTTP; only where the usual OTEL_* variables name one.

The SDK is an extra (`pip install 'beastmode[otlp]'`) and reads those variables itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode import __version__
from beastmode.domain.errors import UserError
from beastmode.operations.metrics.table import METRICS, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Counter, Histogram, Meter
    from opentelemetry.metrics import _Gauge as Gauge

    from beastmode.operations.metrics.table import Metric


class Otlp:
    """A sink that sends.

    Raises:
        UserError: the SDK is not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - an extra
                OTLPMetricExporter,
            )
            from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - as above
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - as above
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
        except ImportError as error:
            raise UserError(
                "OTEL_* variables name a collector, but the OpenTelemetry SDK is not installed",
                "Run `pip install 'beastmode[otlp]'`, or unset them",
            ) from error
        resource = Resource.create({"service.name": "beastmode", "service.version": __version__})
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._provider = MeterProvider([reader], resource)
        meter = self._provider.get_meter("beastmode", VERSION)
        self._made = {metric.name: _make(meter, metric) for metric in METRICS}

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """See `Sink`."""
        given = {name: each for name, each in attributes.items() if each}
        made = self._made[metric.name]
        if metric.kind == "histogram":
            made.record(value, given)  # type: ignore[union-attr]  # as the table says
        elif metric.kind == "counter":
            made.add(value, given)  # type: ignore[union-attr]  # as above
        else:
            made.set(value, given)  # type: ignore[union-attr]  # as above

    def forget(self, metric: Metric) -> None:
        """Nothing: a collector forgets what is not set again by itself."""

    def close(self) -> None:
        """Send what has not been sent; waits for it a few seconds at most."""
        self._provider.shutdown(timeout_millis=5000)


def _make(meter: Meter, metric: Metric) -> Histogram | Counter | Gauge:
    if metric.kind == "histogram":
        return meter.create_histogram(
            metric.name, metric.unit, metric.help, explicit_bucket_boundaries_advisory=metric.buckets
        )
    make = meter.create_counter if metric.kind == "counter" else meter.create_gauge
    return make(metric.name, metric.unit, metric.help)
