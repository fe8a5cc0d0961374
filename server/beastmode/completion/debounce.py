"""How long to wait for the next keystroke before a model is asked, from the model's own measured latency.

A request that the next keystroke cancels costs what the model did until then: nothing where it answers in a
millisecond, a machine's full attention where it takes a second. So the wait is a share of the latency.
"""

from __future__ import annotations

from collections import deque

SHARE = 0.25
SHORTEST_S = 0.005
"""Seconds; a shorter wait saves nothing and costs a turn of the event loop."""
REMEMBERED = 10
"""Answers whose median is the model's latency: enough to be calm, few enough to follow a change of load."""


class Debounce:
    """The latencies of the models that answered, and the delay that follows from them.

    Args:
        longest_s: seconds the delay never exceeds.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._seen: dict[str, deque[float]] = {}

    def delay(self, model: str, *, explicit: bool) -> float:
        """Seconds to wait; 0 for a user who asked, and for a model of which nothing is known yet."""
        seen = self._seen.get(model)
        if explicit or not seen:
            return 0.0
        delay = min(_median(seen) * SHARE, self._longest_s)
        return delay if delay >= SHORTEST_S else 0.0

    def answered(self, model: str, seconds: float) -> None:
        """The model took that long, from the request to the text that could be shown."""
        self._seen.setdefault(model, deque(maxlen=REMEMBERED)).append(seconds)

    def gave_up(self, model: str, seconds: float) -> None:
        """The request was cancelled after that long. It would have taken longer, so only a high value says anything.

        Without this a model slower than the typing would never answer, and never be waited for.
        """
        seen = self._seen.get(model)
        if not seen or seconds > _median(seen):
            self.answered(model, seconds)


def _median(seconds: deque[float]) -> float:
    """The middle one. The standard library's own brings fractions, decimals and random numbers to the start-up."""
    return sorted(seconds)[len(seconds) // 2]
