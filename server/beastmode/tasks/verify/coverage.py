"""Which lines of the code under test were run, whatever measured it: pure functions of what the tools write.

Lines count from zero, as everywhere here; the tools count from one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one file, within the lines that were asked about.

    Attributes:
        lines: those that can be run.
        run: those that were.
        before: those that the project's own tests had run; None where that was not measured.
    """

    lines: frozenset[int]
    run: frozenset[int]
    before: frozenset[int] | None = None

    @property
    def gained(self) -> frozenset[int]:
        """What only the new tests have run; all that they have run where nothing was measured before."""
        return self.run - (self.before or frozenset())

    def within(self, lines: range) -> Coverage:
        """The same for fewer lines."""
        kept = frozenset(lines)
        return Coverage(self.lines & kept, self.run & kept, None if self.before is None else self.before & kept)

    def __str__(self) -> str:
        said = f"{len(self.run)} of {len(self.lines)} lines run"
        return said if self.before is None else f"{said}, {len(self.gained)} of them run by no test before"


def measured(form: str, texts: Sequence[str], path: str, source: str) -> Coverage | None:
    """What was run of one file; None where the tool says nothing about it.

    Args:
        form: a key of `FORMS`.
        texts: the files that the tool wrote.
        path: of the file, relative to the project, with `/`.
        source: its text.
    """
    return FORMS[form](texts, path, source)


def driver_json(texts: Sequence[str], _path: str, _source: str) -> Coverage | None:
    """What our own drivers for Python write, about one file only."""
    for data in map(_json, texts):
        return Coverage(_numbers(data.get("lines")), _numbers(data.get("run")))
    return None


def istanbul_json(texts: Sequence[str], path: str, _source: str) -> Coverage | None:
    """`coverage-final.json` of jest and vitest: statements with how often each was run."""
    for data in map(_json, texts):
        for name, file in data.items():
            if not _is(name, path) or not isinstance(file, dict):
                continue
            counts, places = file.get("s"), file.get("statementMap")
            if not isinstance(counts, dict) or not isinstance(places, dict):
                continue
            best: dict[int, int] = {}
            for key, place in places.items():
                line, count = _start(place), counts.get(key)
                if line is not None and isinstance(count, int):
                    best[line] = max(best.get(line, 0), count)
            return Coverage(frozenset(best), frozenset(line for line, count in best.items() if count))
    return None


def v8_json(texts: Sequence[str], path: str, source: str) -> Coverage | None:
    """What Node writes with NODE_V8_COVERAGE: nested ranges of offsets, the innermost of which counts."""
    counted: dict[int, int] = {}
    for data in map(_json, texts):
        for script in _dicts(data.get("result")):
            url = script.get("url")
            if not isinstance(url, str) or not url.startswith("file:") or not _is(url, path):
                continue
            ranges = [
                _range(each) for function in _dicts(script.get("functions")) for each in _dicts(function.get("ranges"))
            ]
            # Outer ranges first, so that what they hold overwrites them.
            for line, count in _by_line(sorted(ranges, key=lambda each: (each[0], -each[1])), source).items():
                counted[line] = max(counted.get(line, 0), count)
    if not counted:
        return None
    return Coverage(frozenset(counted), frozenset(line for line, count in counted.items() if count))


def _by_line(ranges: Sequence[tuple[int, int, int]], source: str) -> dict[int, int]:
    counts: dict[int, int] = {}
    offset = 0
    starts: list[tuple[int, int]] = []
    for number, line in enumerate(source.split("\n")):
        said = line.strip()
        if said and not said.startswith(("//", "/*", "*")) and said.strip("{}()[];,"):
            starts.append((offset + len(line) - len(line.lstrip()), number))
        offset += len(line) + 1
    for start, number in starts:
        for first, end, count in ranges:
            if first <= start < end:
                counts[number] = count
    return counts


_GO_BLOCK = re.compile(r"^(?P<file>.+):(?P<line>\d+)\.\d+,(?P<end>\d+)\.\d+ \d+ (?P<count>\d+)$", re.MULTILINE)


def go_profile(texts: Sequence[str], path: str, _source: str) -> Coverage | None:
    """`go test -coverprofile`: blocks with how often each was run."""
    lines: set[int] = set()
    run: set[int] = set()
    for text in texts:
        for block in _GO_BLOCK.finditer(text):
            if _is(block["file"], path):
                here = range(int(block["line"]) - 1, min(int(block["end"]), int(block["line"]) + 10_000))
                lines.update(here)
                run.update(here if int(block["count"]) else ())
    return Coverage(frozenset(lines), frozenset(run)) if lines else None


FORMS: Mapping[str, Callable[[Sequence[str], str, str], Coverage | None]] = {
    "driver-json": driver_json,
    "istanbul-json": istanbul_json,
    "v8-json": v8_json,
    "go-profile": go_profile,
}


def _is(name: str, path: str) -> bool:
    """Whether a name that a tool uses, absolute or by the module, means the file."""
    name = name.replace("\\", "/")
    return name == path or name.endswith(f"/{path}") or name.rpartition("/")[2] == path


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _numbers(value: object) -> frozenset[int]:
    return frozenset(each for each in value if isinstance(each, int)) if isinstance(value, list) else frozenset()


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _start(place: object) -> int | None:
    start = place.get("start") if isinstance(place, dict) else None
    line = start.get("line") if isinstance(start, dict) else None
    return line - 1 if isinstance(line, int) else None


def _range(each: dict[str, Any]) -> tuple[int, int, int]:
    start, end, count = each.get("startOffset"), each.get("endOffset"), each.get("count")
    if isinstance(start, int) and isinstance(end, int) and isinstance(count, int):
        return start, end, count
    return 0, 0, 0
