"""What the takes of `completion.py` come to: figures, tables, and whether what was promised is reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from systems import NAMES, OURS, OURS_AT_ONCE, TABBY_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TYPED_LIMIT_MS = 1.5
SHARE_OF_TABBY = 0.5
SIZE_LIMIT = 1.3
STOP_LIMIT_MS = 20.0
"""What a model of fifty tokens a second takes for one."""
SIZES = (500, 10_000, 100_000)


@dataclass(slots=True)
class Figures:
    """What some takes of one system come to.

    Attributes:
        asked, remembered: milliseconds from a key to its suggestion, the model asked or not.
        added: of those asked, what the model itself did not take.
        along, along_asked: keys that agreed with what was on the screen, and for how many the model was asked.
        silent: keys that were answered in time, with nothing.
        requests, aborted: of the model.
        alive: requests of each take that came before its last answer, and that nobody stopped.
        ahead: requests that came behind that, for a suggestion that may be wanted next.
        at_once: the most that ran at the same time.
        closed: milliseconds from the key that superseded a request to its end at the model.
        wasted: tokens made after that key.
        last: milliseconds from the last key of a take to its suggestion.
    """

    keys: int = 0
    asked: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    remembered: list[float] = field(default_factory=list)
    along: int = 0
    along_asked: int = 0
    along_ms: list[float] = field(default_factory=list)
    silent: int = 0
    requests: int = 0
    aborted: int = 0
    alive: list[int] = field(default_factory=list)
    ahead: int = 0
    at_once: int = 0
    closed: list[float] = field(default_factory=list)
    wasted: int = 0
    last: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def shown(self) -> int:
        """Keys that brought a suggestion before the next one."""
        return len(self.asked) + len(self.remembered)

    @property
    def cpu_ms(self) -> float:
        """Processor time a key, in milliseconds."""
        return self.cpu_s * 1000 / max(1, self.keys)

    def take(self, seen: dict[str, Any]) -> None:
        """Count a take in."""
        keys, requests = seen["keys"], sorted(seen["requests"], key=lambda request: request["received"])
        self.keys += len(keys)
        self.requests += len(requests)
        self.cpu_s += seen["cpu_s"]
        self.aborted += sum(request["aborted"] for request in requests)
        answered = keys[-1]["answered"]
        self.alive.append(sum(not request["aborted"] and request["received"] < answered for request in requests))
        self.ahead += sum(request["received"] >= answered for request in requests)
        self.at_once = max(self.at_once, _at_once(requests))
        ends = [key["at"] for key in keys[1:]] + [float("inf")]
        for key, end in zip(keys, ends, strict=True):
            self._key(key, requests)
            for request in requests:
                if key["at"] <= request["received"] < end:
                    self._superseded(request, end)
        if keys[-1]["suggestion"]:
            self.last.append(_ms(keys[-1]))

    def _key(self, key: dict[str, Any], requests: list[dict[str, Any]]) -> None:
        own = [request for request in requests if key["at"] <= request["received"] < key["answered"]]
        # It may also have waited for one that was on its way already.
        waited = own or [each for each in requests if each["received"] < key["at"] < each["ended"] <= key["answered"]]
        self.along += key["along"]
        self.along_asked += key["along"] and bool(own)
        if key["cancelled"]:
            return
        if not key["suggestion"]:
            self.silent += 1
            return
        if key["along"]:
            self.along_ms.append(_ms(key))
        if not waited:
            self.remembered.append(_ms(key))
            return
        self.asked.append(_ms(key))
        # Where one was fetched ahead besides, the answer came of the one that ended last before it.
        request = max(
            [each for each in waited if each["ended"] <= key["answered"]] or waited, key=lambda each: each["ended"]
        )
        model_s = min(request["ended"], key["answered"]) - max(request["received"], key["at"])
        self.added.append(_ms(key) - model_s * 1000)

    def _superseded(self, request: dict[str, Any], by: float) -> None:
        if not request["aborted"] or request["ended"] < by:
            return
        self.closed.append((request["ended"] - by) * 1000)
        self.wasted += sum(token > by for token in request["tokens"])


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised, what it came to, and whether that is enough."""

    promise: str
    seen: str
    reached: bool


Key = tuple[str, int, str, str]


def figures(seen: dict[str, Any]) -> dict[Key, Figures]:
    """By system, lines, scenario and model."""
    found: dict[Key, Figures] = {}
    for take in seen["takes"]:
        key = (take["system"], take["lines"], take["scenario"], take["model"])
        found.setdefault(key, Figures()).take(take)
    return found


def report(seen: dict[str, Any]) -> str:
    """All tables, then what was promised."""
    found = figures(seen)
    parts = [f"{seen['machine']}; {seen['format']}; {seen['seconds']:.0f} s"]
    for title, rows in (
        ("Each key pressed when the one before was answered; times in ms, p50 / p95.", _sizes(found, seen["memory"])),
        ("Human pace, 10,000 lines; times in ms, p50 / p95.", _human(found)),
        ("A burst of 40 keys, 15 ms apart; times in ms, p50 / p95.", _bursts(found)),
        ("What was promised.", _targets_table(found)),
    ):
        head, *lines = rows
        parts += [title, table([head, *lines])] if lines else []
    return "\n\n".join(parts) + "\n"


def _sizes(found: dict[Key, Figures], memory: list[dict[str, Any]]) -> Iterator[list[str]]:
    yield [
        *("Lines", "", "Asked, model of 0 ms", "Requests a key", "CPU a key", "Added to 150 ms"),
        *("Typed along", "Requests for those", "Memory, MB"),
    ]
    for held in memory:
        system, lines = held["system"], held["lines"]
        at_once, slow, typed = (
            found.get((system, lines, scenario, model), Figures())
            for scenario, model in (("asked", "0 ms"), ("asked", "150 ms"), ("typed", "0 ms"))
        )
        requests = f"{typed.along_asked} of {typed.along}" if typed.along else ""
        cpu = f"{at_once.cpu_ms:.2f}" if at_once.keys else ""
        each = f"{at_once.requests / at_once.keys:.2f}" if at_once.keys else ""
        kept = f"{held['start_mb']:.0f}, then {held['end_mb']:.0f}"
        asked = (_times(at_once.asked), each, cpu, _times(slow.added))
        yield [f"{lines:,}", NAMES[system], *asked, _times(typed.along_ms), requests, kept]


def _human(found: dict[Key, Figures]) -> Iterator[list[str]]:
    yield [
        *("Model", "", "Keys with a suggestion", "Asked", "From memory", "Requests a key", "Aborted"),
        *("Closed after", "Tokens for nobody", "CPU a key"),
    ]
    for (system, _, _, model), one in _of(found, "human"):
        shown = f"{one.shown} of {one.keys}"
        requests, closed = f"{one.requests / one.keys:.2f}", _times(one.closed)
        times = (_times(one.asked), _times(one.remembered))
        aborted = f"{one.aborted} of {one.requests}"
        yield [model, NAMES[system], shown, *times, requests, aborted, closed, str(one.wasted), f"{one.cpu_ms:.2f}"]


def _bursts(found: dict[Key, Figures]) -> Iterator[list[str]]:
    yield [
        *("Lines", "Model", "", "Requests", "At once", "Left alive", "Ahead", "Closed after"),
        *("Tokens for nobody", "Last key to suggestion", "CPU a key"),
    ]
    for (system, lines, _, model), one in _of(found, "burst"):
        alive = " ".join(map(str, one.alive))
        last = f"{median(one.last):.0f}" if one.last else "none"
        requests = f"{one.requests / len(one.alive):.0f}"
        counts = (requests, str(one.at_once), alive, str(one.ahead), _times(one.closed), str(one.wasted))
        yield [f"{lines:,}", model, NAMES[system], *counts, last, f"{one.cpu_ms:.2f}"]


def targets(found: dict[Key, Figures]) -> Iterator[Target]:
    """What issue 4 promises of ours."""
    sizes = sorted({lines for _, lines, scenario, _ in found if scenario == "asked"})
    for lines in sizes:
        yield from _beside_tabby(found, lines)
    for lines in sizes:
        yield from _typing_along(found, lines)
    yield from _growth(found, sizes)
    yield from _stopping(found)


def _beside_tabby(found: dict[Key, Figures], lines: int) -> Iterator[Target]:
    ours, theirs = (found.get((name, lines, "asked", "0 ms")) for name in (OURS_AT_ONCE, TABBY_AT_ONCE))
    if ours is None or theirs is None or not ours.added or not theirs.added:
        return
    for title, of in (("median", median), ("p95", _p95)):
        share = of(ours.added) / of(theirs.added)
        words = f"{of(ours.added):.1f} of {of(theirs.added):.1f} ms: {share:.2f}"
        promise = f"{lines:,} lines: at most half of what tabby-agent adds, {title}"
        yield Target(promise, words, share <= SHARE_OF_TABBY)


def _typing_along(found: dict[Key, Figures], lines: int) -> Iterator[Target]:
    typed = found.get((OURS, lines, "typed", "0 ms"))
    if typed is None or not typed.along_ms:
        return
    middle = median(typed.along_ms)
    words = f"{middle:.2f} ms, {typed.along_asked} requests for {typed.along} keys"
    promise = f"{lines:,} lines: typing along in {TYPED_LIMIT_MS} ms, no request"
    yield Target(promise, words, middle < TYPED_LIMIT_MS and not typed.along_asked)


def _growth(found: dict[Key, Figures], sizes: list[int]) -> Iterator[Target]:
    for scenario, title in (("asked", "asked"), ("typed", "typing along")):
        seen = [found.get((OURS_AT_ONCE, lines, f"growth, {scenario}", "0 ms"), Figures()) for lines in sizes]
        values = [one.asked if scenario == "asked" else one.along_ms for one in seen]
        if len(values) < len(SIZES) or not all(values):
            continue
        middles = [median(each) for each in values]
        growth = max(middles) / min(middles)
        cpu = ", ".join(f"{one.cpu_ms:.2f}" for one in seen)
        words = f"{growth:.2f}: {', '.join(f'{each:.2f}' for each in middles)} ms (CPU {cpu})"
        yield Target(f"{title}: the same median within {SIZE_LIMIT}, all sizes", words, growth <= SIZE_LIMIT)


def _stopping(found: dict[Key, Figures]) -> Iterator[Target]:
    for (system, lines, _, model), one in _of(found, "burst"):
        if system not in {OURS, OURS_AT_ONCE} or model == "0 ms":
            continue
        closed = _p95(one.closed) if one.closed else 0.0
        words = f"{' '.join(map(str, one.alive))} left, {one.aborted} stopped within {closed:.1f} ms (p95)"
        promise = (
            f"burst, {lines:,} lines, {model}, {NAMES[system]}: one left alive, others stop in {STOP_LIMIT_MS:.0f} ms"
        )
        yield Target(promise, words, set(one.alive) == {1} and closed <= STOP_LIMIT_MS)


def _targets_table(found: dict[Key, Figures]) -> Iterator[list[str]]:
    yield ["Target", "Seen", ""]
    for target in targets(found):
        yield [target.promise, target.seen, "reached" if target.reached else "MISSED"]


def table(rows: Iterable[list[str]]) -> str:
    """The rows as Markdown; the first is the head."""
    cells = list(rows)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [cells[0], ["-" * max(3, width) for width in widths], *cells[1:]]
    return "\n".join(
        "| " + " | ".join(cell.ljust(max(3, width)) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _of(found: dict[Key, Figures], scenario: str) -> list[tuple[Key, Figures]]:
    order = list(NAMES)
    chosen = [(key, one) for key, one in found.items() if key[2] == scenario]
    return sorted(chosen, key=lambda each: (each[0][1], each[0][3], order.index(each[0][0])))


def _at_once(requests: list[dict[str, Any]]) -> int:
    moments = sorted(
        [(request["received"], 1) for request in requests] + [(request["ended"], -1) for request in requests]
    )
    most = running = 0
    for (_, step), _ in pairwise([*moments, (0.0, 0)]):
        running += step
        most = max(most, running)
    return most


def _ms(key: dict[str, Any]) -> float:
    return (key["answered"] - key["at"]) * 1000


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def _times(values: list[float]) -> str:
    return f"{median(values):.1f} / {_p95(values):.1f}" if values else ""
