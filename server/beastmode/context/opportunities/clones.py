"""Code that stands in several places: runs of whole statements with the same text but for blanks and comments.

Statements of one block are compared, so a duplicate never begins or ends in the middle of something. A run is found by
the shortest piece at its start that is long enough, which all its copies share; so the work grows with the code alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Place, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_TOKENS, _ROWS, _STEPS = 90, 8, 6
"""What a duplicate has at least: words and marks, rows of code, things that it does."""
_LONGEST = 30_000
"""Code points of a statement that is compared as a whole; of a longer one only the parts are."""
_HIGH_ROWS, _HIGH_PLACES = 30, 4
_DOES = ("_statement", "call", "call_expression", "method_invocation", "assignment", "assignment_expression")
_SKIPPED = ("import", "use_declaration", "using_directive", "package", "preproc_include", "namespace_use")
_MOST_PLACES = 20
_WINDOW = 60
"""Statements within which a duplicate must have become long enough."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a block: what tells it from others, and how much it is."""

    mark: int
    tokens: int
    steps: int
    rows: int
    line: int
    end_line: int
    name: str


@dataclass(frozen=True, slots=True)
class Block:
    """Statements that follow each other in one file."""

    path: str
    is_test: bool
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Clone:
    """The same run of statements in several places."""

    places: tuple[Place, ...]
    name: str
    rows: int
    tokens: int
    mark: int
    severity: Severity


def blocks(code: Code) -> Iterator[Block]:
    """The blocks of a file that are long enough to have a duplicate."""
    syntax = code.syntax
    for block in syntax.of(code.forms.blocks):
        if syntax.end_row(block) - syntax.row(block) + 1 < _ROWS:
            continue
        around = code.name_of(block) or code.around(block)
        run: list[Statement] = []
        for part in syntax.parts(block):
            statement = _statement(code, part, around)
            if statement is not None:
                run.append(statement)
                continue
            if sum(each.tokens for each in run) >= _TOKENS:
                yield Block(code.path, code.is_test, tuple(run))
            run = []
        if sum(each.tokens for each in run) >= _TOKENS:
            yield Block(code.path, code.is_test, tuple(run))


def _statement(code: Code, part: Node, around: str) -> Statement | None:
    """None for what is never compared: imports, what the grammar did not understand, and what is far too long."""
    syntax = code.syntax
    if part.kind.startswith(_SKIPPED) or part.end - part.start > _LONGEST or not syntax.is_sound(part):
        return None
    below = syntax.below(part)
    tokens = sum(node.after == node.number + 1 for node in below) or 1
    steps = sum(node.kind.endswith(_DOES) for node in below)
    syntax.spend((part.end - part.start) // 10)
    mark = int.from_bytes(blake2b(code.squeezed(part).encode("utf-8", "replace"), digest_size=8).digest())
    return Statement(
        mark, tokens, steps, code.rows_of(part), syntax.row(part), syntax.end_row(part), code.name_of(part) or around
    )


_At = tuple[int, int]
"""The number of a block, and of a statement in it."""


def clones(found: Sequence[Block]) -> list[Clone]:
    """The duplicates among blocks, the largest first; what lies within a larger one is left out."""
    starts: dict[tuple[int, ...], list[_At]] = defaultdict(list)
    for number, block in enumerate(found):
        for at in range(len(block.statements)):
            key = _shortest(block.statements, at)
            if key:
                starts[key].append((number, at))
    runs = [run for key, members in starts.items() if (run := _run(found, key, members)) is not None]
    runs.sort(key=lambda run: (-run[1], found[run[0][0][0]].path, run[0][0]))
    return list(_outermost(found, runs))


def _shortest(statements: Sequence[Statement], at: int) -> tuple[int, ...]:
    """The marks of the statements from one on that are together just enough; () where they never are."""
    tokens = rows = steps = 0
    for end in range(at, min(at + _WINDOW, len(statements))):
        tokens += statements[end].tokens
        rows += statements[end].rows
        steps += statements[end].steps
        if tokens >= _TOKENS and rows >= _ROWS and steps >= _STEPS:
            return tuple(statement.mark for statement in statements[at : end + 1])
    return ()


def _run(found: Sequence[Block], key: tuple[int, ...], members: list[_At]) -> tuple[list[_At], int, int] | None:
    """The places of a run, how many tokens it has, and how many statements; None where it is no duplicate."""
    apart: list[_At] = []
    for number, at in members:
        if not apart or apart[-1][0] != number or apart[-1][1] + len(key) <= at:
            apart.append((number, at))
    if len(apart) < 2:  # noqa: PLR2004 - one place is no duplicate
        return None
    before = {found[number].statements[at - 1].mark if at else None for number, at in apart}
    if len(before) == 1 and None not in before:
        return None  # a part of the run that starts one earlier
    length = len(key)
    while True:
        onward = {
            statements[at + length].mark if at + length < len(statements) else None
            for statements, at in ((found[number].statements, at) for number, at in apart)
        }
        touches = any(first[0] == second[0] and first[1] + length >= second[1] for first, second in pairwise(apart))
        if len(onward) != 1 or None in onward or touches:
            break
        length += 1
    number, at = apart[0]
    return apart, sum(each.tokens for each in found[number].statements[at : at + length]), length


def _outermost(found: Sequence[Block], runs: Sequence[tuple[list[_At], int, int]]) -> Iterator[Clone]:
    told: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for apart, tokens, length in runs:
        spans = []
        for number, at in apart:
            statements = found[number].statements[at : at + length]
            spans.append((found[number].path, statements[0].line, statements[-1].end_line))
        if all(any(a <= line and end <= b for a, b in told[path]) for path, line, end in spans):
            continue
        for path, line, end in spans:
            told[path].append((line, end))
        first = found[apart[0][0]].statements[apart[0][1] : apart[0][1] + length]
        rows = sum(statement.rows for statement in first)
        is_high = rows >= _HIGH_ROWS or (len(apart) >= _HIGH_PLACES and rows >= 2 * _ROWS)
        in_tests = all(found[number].is_test for number, _ in apart)
        severity = Severity.LOW if in_tests else Severity.HIGH if is_high else Severity.MEDIUM
        places = tuple(Place(*span) for span in sorted(spans)[:_MOST_PLACES])
        name = next(
            found[number].statements[at].name
            for (number, at), span in zip(apart, spans, strict=True)
            if Place(*span) == places[0]
        )
        yield Clone(places, name, rows, tokens, first[0].mark, severity)
