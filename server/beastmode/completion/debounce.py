"""How long to wait for the next key before a model is asked, from the user's own typing and the model's own speed.

A request is wasted where the next key comes before its answer. So the wait is the shortest one after which the answer
is more likely to come first: none for a model that answers between two keys of this user, as long as a usual gap
between two keys for a slower one. What is likely is counted in the user's last gaps, with the model's median latency.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

MOST_WASTED = 0.5
"""The share of requests that the next key may make pointless."""
LONGEST_GAP_S = 2.0
"""Seconds; a longer gap is a pause, and all pauses are alike."""
GAPS = 60
"""Gaps remembered: a minute of typing or less."""
FEWEST_GAPS = 8
SHARE = 0.25
"""Of the model's latency: the wait as long as the user's typing is not known."""
AT_ONCE_S = 0.005
"""Seconds; what comes sooner behind a key was typed by no finger: a second cursor, a formatter, a paste."""
SHORTEST_S = 0.005
"""Seconds; a shorter wait saves nothing and costs a turn of the event loop."""
REMEMBERED = 10
"""Answers whose median is the model's latency: enough to be calm, few enough to follow a change of load."""


class Debounce:
    """The user's gaps, the latencies of the models that answered, and the delay that follows from both.

    Args:
        longest_s: seconds the delay never exceeds.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._seen: dict[str, deque[float]] = {}
        self._gaps: deque[float] = deque(maxlen=GAPS)
        self._last_key: float | None = None

    def typed(self, at: float) -> None:
        """A key came, at this many seconds of the clock."""
        if self._last_key is not None and at - self._last_key >= AT_ONCE_S:
            self._gaps.append(min(at - self._last_key, LONGEST_GAP_S))
        self._last_key = at

    def delay(self, model: str, *, explicit: bool) -> float:
        """Seconds to wait; 0 for a user who asked, and for a model of which nothing is known yet."""
        seen = self._seen.get(model)
        if explicit or not seen:
            return 0.0
        latency = _median(seen)
        wait = latency * SHARE if len(self._gaps) < FEWEST_GAPS else self._shortest_wait(latency)
        delay = min(wait, self._longest_s)
        return delay if delay >= SHORTEST_S else 0.0

    def latency(self, model: str) -> float | None:
        """The median seconds that a model takes to answer; None where it has not answered yet."""
        seen = self._seen.get(model)
        return _median(seen) if seen else None

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

    def _shortest_wait(self, latency: float) -> float:
        """The shortest wait after which at most `MOST_WASTED` of the gaps still open end within the latency."""
        gaps = sorted(self._gaps)
        for wait in (0.0, *gaps):
            ended = bisect_right(gaps, wait) if wait else 0
            still_open = len(gaps) - ended
            wasted = bisect_right(gaps, wait + latency) - ended
            if wasted <= still_open * MOST_WASTED:
                return wait
        return self._longest_s


def _median(seconds: deque[float]) -> float:
    """The middle one. The standard library's own brings fractions, decimals and random numbers to the start-up."""
    return sorted(seconds)[len(seconds) // 2]
