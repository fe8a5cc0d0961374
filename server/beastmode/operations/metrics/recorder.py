"""Turns the router's tries and the gateway's requests into measurements; an observer that never waits.

Because it never waits, a try whose caller goes away, and whose task is cancelled a second time while the ledger is
being written, is measured all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.operations.metrics.table import (
    ATTEMPTS,
    COST,
    DURATION,
    FIRST_BYTE,
    FIRST_CHUNK,
    MASKED,
    QUEUE,
    REQUEST,
    USAGE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.operations.metrics.table import (
        Metric,
    )

PROVIDERS = {"mistral": "mistral_ai", "xai": "x_ai", "gemini": "gcp.gemini"}
"""Where OpenTelemetry calls a provider something else than we do; custom names are allowed."""
CACHED = "cached"
_OTHER = "_OTHER"


class Sink(Protocol):
    """Shows measurements to somebody."""

    def record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        """Take a measurement: add to a counter, put into a histogram, set a gauge."""
        ...

    def forget(self, metric: Metric) -> None:
        """Forget the values of a gauge: what it is about may be gone."""
        ...


class Recorder:
    """Measures.

    Args:
        sinks: where the measurements go.
        price_of: what a provider's model costs; None where that is not known, or not yet.
    """

    def __init__(self, sinks: list[Sink], price_of: Callable[[str], Price | None]) -> None:
        self.sinks = sinks
        self._price_of = price_of

    async def observe(self, attempt: Attempt) -> None:
        """See `Observer`."""
        outcome = CACHED if attempt.cached else attempt.outcome.value
        model = {"gen_ai.request.model": attempt.model}
        work = model | {"gen_ai.provider.name": provider_of(attempt), "beastmode.task": attempt.task.value}
        self._record(ATTEMPTS, 1, work | {"beastmode.outcome": outcome})
        if attempt.cached:
            return
        told = _attributes(attempt)
        self._record(DURATION, attempt.total_s, told)
        if attempt.first_token_s is not None:
            self._record(FIRST_CHUNK, attempt.first_token_s, told)
        usage, estimated = attempt.usage, {"beastmode.estimated": "true" if attempt.estimated else "false"}
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                self._record(USAGE, count, told | estimated | {"gen_ai.token.type": kind})
        self._record(QUEUE, attempt.queue_s, model)
        cost = attempt.cost
        if cost is None and attempt.price is None and (price := self._price_of(attempt.model)) is not None:
            cost = price.cost(usage, attempt.total_s)
        if cost:
            self._record(COST, float(cost), work)
        if attempt.masked:
            self._record(MASKED, attempt.masked, model)

    def request(self, route: str, method: str, status: int, seconds: float, first_byte_s: float | None) -> None:
        """A request to the gateway is over; its route is a template, never what a client sent."""
        told = {"http.route": route, "http.request.method": method}
        self._record(REQUEST, seconds, told | {"http.response.status_code": str(status)})
        if first_byte_s is not None:
            self._record(FIRST_BYTE, first_byte_s, told)

    def set(self, metric: Metric, values: Sequence[tuple[float, Mapping[str, str]]]) -> None:
        """Set a gauge to these values and no others."""
        for sink in self.sinks:
            sink.forget(metric)
        for value, attributes in values:
            self._record(metric, value, attributes)

    def _record(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        for sink in self.sinks:
            sink.record(metric, value, attributes)


def provider_of(attempt: Attempt) -> str:
    """Who answers, as OpenTelemetry calls it."""
    return PROVIDERS.get(attempt.provider, attempt.provider)


def _attributes(attempt: Attempt) -> dict[str, str]:
    parts = urlsplit(attempt.origin)
    operations = {Task.INLINE: "text_completion", Task.EMBEDDINGS: "embeddings"}
    error = "" if attempt.outcome is Outcome.OK else attempt.error_kind or _OTHER
    return {
        "gen_ai.operation.name": operations.get(attempt.task, "chat"),
        "gen_ai.provider.name": provider_of(attempt),
        "gen_ai.request.model": attempt.model,
        "server.address": parts.hostname or "",
        "server.port": str(parts.port or ""),
        "error.type": "cancelled" if attempt.outcome is Outcome.CANCELLED else error,
        "beastmode.task": attempt.task.value,
    }
