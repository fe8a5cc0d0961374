"""A function that is too long to be read at once: by rows of code and by statements, so that a table is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_ROWS, _MANY_ROWS = 70, 140
_TEST_FACTOR = 2
_STATEMENTS = 30
_SUFFIXES = ("_statement", "_declaration", "_expression", "call", "assignment", "command")


def _find(code: Code) -> Iterator[Finding]:
    factor = _TEST_FACTOR if code.is_test else 1
    for function in code.functions:
        syntax = code.syntax
        line, end_line = syntax.row(function.node), syntax.end_row(function.node)
        if end_line - line < _ROWS:
            continue
        rows = code.own_rows(function)
        if rows <= _ROWS * factor or not syntax.is_sound(function.node):
            continue
        blocks = code.forms.blocks
        statements = sum(
            syntax.nodes[node.parent].kind in blocks and node.kind.endswith(_SUFFIXES) for node in code.own(function)
        )
        if statements < _STATEMENTS:
            continue
        severity = Severity.HIGH if rows > _MANY_ROWS * factor else Severity.MEDIUM
        yield Finding(
            severity.at_most(Severity.MEDIUM if code.is_test else Severity.HIGH),
            line,
            end_line,
            function.qualified,
            f"`{function.name}` has {rows} lines of code and {statements} statements; more than {_ROWS * factor} lines "
            "cannot be read at once",
            "Take steps that belong together out into functions of their own, named for what they do",
        )


RULE = Rule("long-function", "a function that is too long to be read at once", _find)
