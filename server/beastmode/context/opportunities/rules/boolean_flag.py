"""A parameter that is true or false and only chooses between two functions that share a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code, Function
    from beastmode.context.syntax.nodes import Node

_BRANCH = 4
"""Rows of code that each of the two has at least."""
_SHARE = 0.7
"""Of the function's rows that the two have at least."""


def _find(code: Code) -> Iterator[Finding]:
    for function in code.functions:
        flags = {parameter.name for parameter in code.parameters(function) if parameter.is_boolean}
        if not flags or not code.syntax.is_sound(function.node):
            continue
        for statement in code.syntax.children(_statements(code, function)):
            found = _chosen(code, _unwrapped(code, statement), flags)
            if found is None:
                continue
            flag, yes, no = found
            rows = code.rows_of(yes), code.rows_of(no)
            if min(rows) >= max(_BRANCH, max(rows) // 4) and sum(rows) >= _SHARE * code.rows_of(function.body):
                yield Finding(
                    Severity.LOW,
                    code.syntax.row(function.node),
                    code.syntax.end_row(function.node),
                    function.qualified,
                    f"`{flag}` chooses between two functions in one: `{function.name}` does {rows[0]} lines if it is "
                    f"set, and {rows[1]} other lines if not",
                    "Make two functions, each named for what it does",
                    mark=flag,
                )


def _statements(code: Code, function: Function) -> Node:
    inner = code.syntax.parts(function.body)
    return inner[0] if len(inner) == 1 and inner[0].kind == "statement_list" else function.body


def _unwrapped(code: Code, node: Node) -> Node:
    inner = code.syntax.parts(node)
    return inner[0] if node.kind == "expression_statement" and inner else node


def _chosen(code: Code, node: Node, flags: set[str]) -> tuple[str, Node, Node] | None:
    """The flag that a condition asks, and its two branches, where the second is no further question."""
    syntax = code.syntax
    if node.kind not in code.forms.ifs:
        return None
    condition = syntax.field(node, "condition")
    yes = syntax.field(node, "consequence") or syntax.field(node, "body")
    others = [child for child in syntax.children(node) if child.field == "alternative"]
    if condition is None or yes is None or len(others) != 1 or others[0].kind in code.forms.elses:
        return None
    if others[0].kind in code.forms.ifs or any(code.is_else_if(child) for child in syntax.parts(others[0])):
        return None
    asked = syntax.say(condition).strip("()! $").removeprefix("not ").lstrip("$")
    return (asked, yes, others[0]) if asked in flags else None


RULE = Rule("boolean-flag", "a parameter that chooses between two functions in one", _find)
