"""Where holes are cut: the same ones for the same seed and the same files. Pure.

Four kinds, as many of each: the rest of a line, the body of a block, two to six whole lines, and any span of tokens.
All begin where a person could be typing: at a token, or behind the indentation of a line. Inside comments and strings
nothing is cut, as what a comment says is not there to be known. A file gives few holes, and no two of a file overlap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from beastmode.operations.evaluate.files import SourceFile

    Place = Callable[[str, str, str], str]

FEWEST_CHARACTERS = 3
"""Of a filling, blanks not counted: a lone bracket proves nothing."""
MOST_LINES, MOST_CHARACTERS = 10, 400
"""Of a filling: about what the longest answer that is asked for has room for."""
_MANY_LINES = (2, 6)
_SPAN_LINES = 3
_ATTEMPTS = 400  # for each hole that is wanted; a repository of three short files has only so many

_TOKEN = re.compile(r"\w+|[^\w\s]")
_OPENERS = (":", "{", "=>", "do", "then", "begin")
_DOCSTRING = re.compile(r"[rRuU]?(\"\"\"|''')")


class Kind(StrEnum):
    """What a hole takes out."""

    LINE = "line"
    """The rest of a line, from a token on."""
    BLOCK = "block"
    """The body under a header: of a function, an if, a loop."""
    LINES = "multi-line"
    """Two to six whole lines, without the first one's indentation."""
    SPAN = "span"
    """From the start of a token to the end of another, mostly on the same line; something follows on the line."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A span of a file's text that is taken out: from `start` up to and not including `end`, in code points."""

    file: str
    kind: Kind
    start: int
    end: int

    @property
    def id(self) -> str:
        """Unique in a run."""
        return f"{self.file}#{self.start}-{self.end}"

    def cut(self, text: str) -> tuple[str, str, str]:
        """What stands before the hole, what belongs into it, and what follows."""
        return text[: self.start], text[self.start : self.end], text[self.end :]


def cut_holes(
    files: Sequence[SourceFile],
    number: int,
    seed: int,
    *,
    place: Place,
    kinds: Collection[Kind] = tuple(Kind),
    turn: int = 0,
) -> list[Hole]:
    """Up to so many holes, as many of each kind as can be, in an order that mixes them.

    A file is drawn by its number of lines, so a hole is as likely to lie in any line of the repository.

    Args:
        files: to cut from.
        number: of holes in all.
        seed: the same one gives the same holes.
        place: what stands at the end of a text in a language, given also what follows: only `code` is cut.
        kinds: which.
        turn: which of them is cut first, counted from zero; so that several short lists have as many of each.
    """
    by_name = {file.name: file for file in files}
    if not by_name:
        return []
    weights = [file.text.count("\n") + 1 for file in by_name.values()]
    most = max(2, -(-3 * number // len(by_name)))  # three times an even share: no file may speak for all
    random = Random(seed)  # noqa: S311 - the point is that it can be repeated
    taken: dict[str, list[Hole]] = {}
    found: list[Hole] = []
    order = [kind for kind in Kind if kind in kinds]
    for index in range(number):
        hole = _next(order[(index + turn) % len(order)], by_name, weights, taken, most, random, place)
        if hole is not None:
            taken.setdefault(hole.file, []).append(hole)
            found.append(hole)
    return found


def _next(  # noqa: PLR0917 - one step of the loop above
    kind: Kind,
    files: Mapping[str, SourceFile],
    weights: Sequence[int],
    taken: Mapping[str, Collection[Hole]],
    most: int,
    random: Random,
    place: Place,
) -> Hole | None:
    names = list(files)
    for _ in range(_ATTEMPTS):
        name = random.choices(names, weights)[0]
        others = taken.get(name, ())
        if len(others) >= most:
            continue
        file = files[name]
        span = _SPANS[kind](file.text.split("\n"), random)
        if span is None:
            continue
        start, end = _offsets(file.text, span)
        hole = Hole(name, kind, start, end)
        before, truth, after = hole.cut(file.text)
        free = all(end < other.start or other.end < start for other in others)
        if free and is_fair(truth) and place(before, truth + after, file.language) == "code":
            return hole
    return None


def is_fair(truth: str) -> bool:
    """Whether a filling says something and is no longer than an answer may be."""
    return (
        len("".join(truth.split())) >= FEWEST_CHARACTERS
        and any(character.isalnum() for character in truth)
        and len(truth) <= MOST_CHARACTERS
        and truth.count("\n") < MOST_LINES
    )


Span = tuple[int, int, int, int]
"""A line and a column, and the line and the column of its end."""


def _line(lines: Sequence[str], random: Random) -> Span | None:
    at = random.randrange(len(lines))
    line = lines[at].rstrip()
    starts = [match.start() for match in _TOKEN.finditer(line)][1:]
    return (at, random.choice(starts), at, len(line)) if starts else None


def _span(lines: Sequence[str], random: Random) -> Span | None:
    at = random.randrange(len(lines))
    starts = [match.start() for match in _TOKEN.finditer(lines[at])]
    last = at if random.random() < 0.7 else min(at + random.randint(1, _SPAN_LINES - 1), len(lines) - 1)  # noqa: PLR2004 - mostly one line
    ends = [match.end() for match in _TOKEN.finditer(lines[last])][:-1]  # something is left behind it
    if not starts or not ends:
        return None
    start = random.choice(starts)
    ends = [end for end in ends if last > at or end > start]
    return (at, start, last, random.choice(ends)) if ends else None


def _lines(lines: Sequence[str], random: Random) -> Span | None:
    at, length = random.randrange(len(lines)), random.randint(*_MANY_LINES)
    last = at + length - 1
    if last >= len(lines) or not lines[at].strip() or not lines[last].strip():
        return None
    return at, _depth(lines[at]), last, len(lines[last].rstrip())


def _block(lines: Sequence[str], random: Random) -> Span | None:
    headers = [at for at, line in enumerate(lines) if line.rstrip().endswith(_OPENERS)]
    if not headers:
        return None
    header = random.choice(headers)
    body = list(_body(lines, header))
    if not body:
        return None
    return body[0], _depth(lines[body[0]]), body[-1], len(lines[body[-1]].rstrip())


def _body(lines: Sequence[str], header: int) -> Iterator[int]:
    """The numbers of a block's lines that are not blank; a docstring at its head stays in the file."""
    depth, quote, is_first = _depth(lines[header]), "", True
    for at in range(header + 1, len(lines)):
        line = lines[at].strip()
        if not line:
            continue
        if quote:
            quote = "" if line.endswith(quote) else quote
            continue
        if _depth(lines[at]) <= depth:
            return
        opened = _DOCSTRING.match(line) if is_first else None
        is_first = False
        if opened is None:
            yield at
        elif line.count(opened[1]) == 1:
            quote = opened[1]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


_SPANS: Mapping[Kind, Callable[[Sequence[str], Random], Span | None]] = {
    Kind.LINE: _line,
    Kind.BLOCK: _block,
    Kind.LINES: _lines,
    Kind.SPAN: _span,
}


def _offsets(text: str, span: Span) -> tuple[int, int]:
    """The span in code points from the start of the text."""
    line, column, end_line, end_column = span
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    return starts[line] + column, starts[end_line] + end_column
