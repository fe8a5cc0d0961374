"""A condition that mixes `and` and `or` so often that nobody can say when it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.boolean import is_boolean, is_outermost, joints
from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_JOINTS, _MANY = 5, 9
_OF_EACH = 2
_JOINS = ("binary_expression", "boolean_operator", "binary")


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    for node in syntax.of(_JOINS):
        if not is_boolean(syntax, node) or not is_outermost(syntax, node):
            continue
        ands, ors = joints(syntax, node)
        if ands + ors < _JOINTS or min(ands, ors) < _OF_EACH:
            continue
        function = code.function_around(node)
        if (function is not None and function.name in code.forms.equality) or not syntax.is_sound(node):
            continue
        yield Finding(
            Severity.MEDIUM if ands + ors >= _MANY else Severity.LOW,
            syntax.row(node),
            syntax.end_row(node),
            code.around(node),
            f"This condition joins {ands + ors + 1} parts, {ands} times by `and` and {ors} times by `or`",
            "Give its parts names: a variable or a function for each question that it asks",
            mark=code.squeezed(node)[:80],
        )


RULE = Rule("complex-condition", "a condition of many parts that mixes `and` and `or`", _find)
