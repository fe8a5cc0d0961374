"""Conditions: what is joined by `and` and `or`, however the language spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.context.syntax.nodes import Node, Syntax

_ANDS, _ORS = frozenset(("&&", "and")), frozenset(("||", "or"))
_JOINS = frozenset(("binary_expression", "boolean_operator", "binary"))
_THROUGH = frozenset(
    (
        "condition_clause",
        "not_operator",
        "parenthesized_expression",
        "parenthesized_statements",
        "prefix_unary_expression",
        "unary",
        "unary_expression",
        "unary_op_expression",
    )
)
"""What may stand between two parts of one condition."""


def is_boolean(syntax: Syntax, node: Node) -> bool:
    """Whether a node joins two conditions."""
    return node.kind in _JOINS and any(
        child.kind in _ANDS or child.kind in _ORS for child in syntax.children(node) if not child.named
    )


def is_outermost(syntax: Syntax, node: Node) -> bool:
    """Whether it is not itself a part of a larger condition."""
    above = syntax.parent(node)
    while above is not None and above.kind in _THROUGH:
        above = syntax.parent(above)
    return above is None or not is_boolean(syntax, above)


def joints(syntax: Syntax, top: Node) -> tuple[int, int]:
    """How many times `and` and how many times `or` join the parts of a condition."""
    ands = ors = 0
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if is_boolean(syntax, node):
            for child in syntax.children(node):
                ands += not child.named and child.kind in _ANDS
                ors += not child.named and child.kind in _ORS
        elif node.kind not in _THROUGH:
            continue
        waiting.extend(syntax.parts(node))
    return ands, ors
