"""Where a prompt may begin or end without cutting anything apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

_LEADS = ("comment", "decorator", "attribute_item")


def boundaries(text: str, language: str) -> list[int]:
    """Starts of the lines where definitions and statements of the outermost depth start; [] without a grammar.

    A comment right above one belongs to it. Where the text does not parse, that is the outermost depth that does.
    """
    tree = parse(text, language)
    if tree is None:
        return []
    found = []
    led_to = -1
    for node in _outermost(tree.root_node):
        row, column = node.start_point
        start = node.start_byte - column
        if text[start : node.start_byte].strip():
            continue
        if row != led_to:
            found.append(start)
        led_to = -1
        if any(kind in node.type for kind in _LEADS):
            end, end_column = node.end_point
            led_to = end + (end_column > 0)
    return sorted(set(found))


def _outermost(root: Node) -> Iterator[Node]:
    """The named children of the root; in the place of one that is an error, its own."""
    for node in root.named_children:
        if node.is_error:
            yield from node.named_children
        else:
            yield node
