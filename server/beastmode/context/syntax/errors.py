"""Whether code parses, and whether an insertion breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse, parse_part

if TYPE_CHECKING:
    from tree_sitter import Tree


def errors_added(before: str, text: str, after: str, language: str) -> int | None:
    """Syntax errors with `text` inserted minus those without; None without a grammar.

    Negative where the insertion mends more than it breaks. Costs two parses of what is given.
    """
    without, within = parse_part(before + after, language), parse_part(before + text + after, language)
    return None if without is None or within is None else _errors(within) - _errors(without)


def parses(text: str, language: str) -> bool | None:
    """Whether a whole text is free of syntax errors; None without a grammar."""
    tree = parse(text, language)
    return None if tree is None else not tree.root_node.has_error


def _errors(tree: Tree) -> int:
    """Places that the grammar does not understand, and tokens that it misses."""
    if not tree.root_node.has_error:
        return 0
    cursor, found = tree.root_node.walk(), 0
    while True:
        node = cursor.node
        descends = False
        if node is not None:
            found += node.is_error or node.is_missing
            descends = node.has_error
        if descends and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found
