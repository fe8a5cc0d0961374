"""Cuts a file into pieces of whole lines that each say one thing: a function, a few short ones, a section of prose.

Pure. Where the cuts fall comes from the definitions that syntax finds; without any, from headings and blank lines.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LINES = 40
"""Lines that a piece is filled up to; a definition that is longer is cut at blank lines."""
_LEAST = 12
"""Lines below which a piece takes in what follows, if there is room."""
LONGEST_LINE = 2_000
"""Characters; longer lines are data, and left out."""
_HEADING = re.compile(r"#{1,6} \S")
_SECRET = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-")
_SECRET_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY|Private-MAC:")
_SECRET_LINES = 300
"""As many as a key of 16,384 bits has; what ends no sooner is no key."""


class Named(Protocol):
    """What is asked of a definition; lines count from zero, the last one is included."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def line(self) -> int:
        """Where it begins."""

    @property
    def end_line(self) -> int:
        """Where it ends."""


class Piece(NamedTuple):
    r"""Lines `line` to `end_line` of a file, both included; `text` with `\n` endings, the last one too.

    `names` are the definitions that it shows or stands in.
    """

    line: int
    end_line: int
    text: str
    names: tuple[str, ...]


def lines_of(data: bytes) -> list[str]:
    """The lines of a file as an editor counts them, without their ends."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines


def secret_lines(lines: Sequence[str]) -> frozenset[int]:
    """The lines of private keys, each from the line that begins it to the one that ends it."""
    found: set[int] = set()
    left = 0
    for number, line in enumerate(lines):
        if "-" in line and _SECRET.search(line):
            left = _SECRET_LINES
        if left:
            found.add(number)
            left = 0 if _SECRET_END.search(line) else left - 1
    return frozenset(found)


def cut(lines: Sequence[str], definitions: Sequence[Named], left_out: frozenset[int] = frozenset()) -> list[Piece]:
    """The pieces of a file in order; a piece that would hold one of the lines `left_out` is not among them."""
    pieces = []
    for start, end in _spans(lines, _starts(lines, definitions)):
        text = "".join(f"{line}\n" for line in lines[start:end])
        if not text.strip() or any(number in left_out for number in range(start, end)):
            continue
        inside = (each.name for each in definitions if each.line < end and each.end_line >= start)
        pieces.append(Piece(start, end - 1, text, tuple(dict.fromkeys(inside))))
    return pieces


def _starts(lines: Sequence[str], definitions: Sequence[Named]) -> Iterator[int]:
    """Lines before which a cut is good: of definitions, with the comments above them; else of headings."""
    if definitions:
        return (min(each.line, len(lines)) for each in definitions)
    return (number for number, line in enumerate(lines) if _HEADING.match(line))


def _spans(lines: Sequence[str], starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """From line to line (not included), of at most `LINES` lines, with no overlong line inside."""
    data = {number for number, line in enumerate(lines) if len(line) > LONGEST_LINE}
    edges = sorted({0, len(lines), *starts, *data, *(number + 1 for number in data)})
    first = last = 0
    for start, end in pairwise(edges):
        small = last - first < _LEAST or end - start < _LEAST
        if first < last and not (small and end - first <= LINES and start not in data):
            yield from _shortened(lines, first, last)
            first = last
        last = end
        if start in data:
            first = end
    if first < last:
        yield from _shortened(lines, first, last)


def _shortened(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """A long span in parts, each ending at the last blank line of its second half, if there is one."""
    while end - start > LINES:
        at = next((n for n in range(start + LINES, start + LINES // 2, -1) if not lines[n - 1].strip()), start + LINES)
        yield start, at
        start = at
    yield start, end
