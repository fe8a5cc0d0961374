"""A function with many ways through it, each the dearer the deeper it stands (cognitive complexity)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.boolean import is_boolean, is_outermost
from beastmode.context.opportunities.nesting import nested
from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_COMPLEX, _VERY = 30, 60
_SHORT = 10
"""Rows that a function has at least to be worth a word."""
_TRIES = frozenset(("try_statement", "try_with_resources_statement", "begin"))


def _find(code: Code) -> Iterator[Finding]:
    for function in code.functions:
        syntax = code.syntax
        line, end_line = syntax.row(function.node), syntax.end_row(function.node)
        if end_line - line < _SHORT or function.name in code.forms.equality:
            continue
        points = branches = 0
        for node, depth in nested(code, function):
            if node.kind in _TRIES:
                continue
            branches += 1
            points += 1 if code.is_else_if(node) else depth
        for node in code.own(function):
            chained = node.kind in code.forms.elses or node.kind in code.forms.catches
            branches += chained
            points += chained or (is_boolean(syntax, node) and is_outermost(syntax, node))
        if points < _COMPLEX or not syntax.is_sound(function.node):
            continue
        yield Finding(
            Severity.HIGH if points >= _VERY else Severity.MEDIUM,
            line,
            end_line,
            function.qualified,
            f"`{function.name}` has {branches} branches, and a cognitive complexity of {points}; more than "
            f"{_COMPLEX - 1} is a lot",
            "Take branches that belong together out into functions, and return early from the simple cases",
        )


RULE = Rule("complex-function", "a function with too many ways through it", _find)
