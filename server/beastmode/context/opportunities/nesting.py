"""How deep the parts of a function stand within conditions, loops, switches and tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code, Function
    from beastmode.context.syntax.nodes import Node


def nested(code: Code, function: Function) -> Iterator[tuple[Node, int]]:
    """Every node of a function that indents what is within, with its depth: 1 for those right in the function.

    An `else if` is as deep as the `if` before it. Functions with a name inside of this one are theirs alone.
    """
    nests = code.forms.nests
    open_: list[tuple[int, int]] = []
    for node in code.own(function):
        if node.kind not in nests or not node.named:
            continue
        while open_ and open_[-1][0] <= node.number:
            open_.pop()
        depth = (open_[-1][1] if open_ else 0) + (0 if code.is_else_if(node) else 1)
        open_.append((node.after, depth))
        yield node, depth
