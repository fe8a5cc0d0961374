"""Chains of `if … else if … else` in any grammar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node


@dataclass(frozen=True, slots=True)
class Link:
    """One branch; the condition of an `else` is None."""

    condition: Node | None
    body: Node


def chain(code: Code, first: Node) -> list[Link]:
    """The branches of a condition in order; those of a language whose grammar does not mark them are left out."""
    links: list[Link] = []
    waiting = [first]
    while waiting:
        node = waiting.pop()
        link = _link(code, node)
        if link is None:
            return links
        links.append(link)
        onward: list[Node] = []
        for other in (child for child in code.syntax.children(node) if child.field == "alternative"):
            inner = [part for part in code.syntax.parts(other) if code.is_else_if(part)]
            if other.kind in code.forms.ifs or other.kind in code.forms.elses:
                onward.append(other)
            elif inner:
                onward.append(inner[0])
            else:
                onward.append(other)
        # Ruby hangs each `elsif` below the one before; Python and PHP put them side by side.
        waiting.extend(reversed(onward))
    return links


def _link(code: Code, node: Node) -> Link | None:
    if node.kind not in code.forms.ifs and node.kind not in code.forms.elses:
        return Link(None, code.body(node) or _only(code, node))
    body = code.syntax.field(node, "consequence") or code.syntax.field(node, "body")
    condition = code.syntax.field(node, "condition")
    return None if body is None or condition is None else Link(condition, body)


def _only(code: Code, other: Node) -> Node:
    """The block of an `else`, where its node is more than that."""
    parts = code.syntax.parts(other)
    return parts[0] if other.kind == "else_clause" and len(parts) == 1 else other
