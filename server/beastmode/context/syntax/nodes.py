"""A whole syntax tree as one flat list, for readers that look at every part of a file.

The parser's own nodes cost a call a question, and nothing outside of this folder may hold one. Here a tree is a list of
nodes in the order of the text, parents first; a node knows where the part of the list that is below it ends, so
walking needs no recursion however deep the text nests. Offsets count code points, rows count from zero.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tree_sitter import Tree

MOST_NODES = 500_000
"""Of one text; a file of half a megabyte has about half as many."""

MOST_DEPTH = 1_000
"""Of nodes one in the other; a sum of that many parts is the deepest that anybody writes."""

_LIMIT_S = 2.0
"""Of the thread's own time, for the parser and for the list each."""
_CHECK_EVERY = 4_096
_STEPS, _STEPS_A_NODE = 1_000_000, 50
"""How much may be asked of one text: far more than any file needs, and seconds for one that was made to take hours."""


class TooMuch(Exception):
    """More was asked of a text than it is worth; it was made to take long."""


@dataclass(slots=True, eq=False)
class Node:
    """One node: `kind` and `field` are the grammar's names, `named` is false for a keyword or a mark.

    `number` is its place in the list, `after` that of the first node that is not below it, `parent` that of its parent
    (-1 for the root).
    """

    kind: str
    field: str
    named: bool
    start: int
    end: int
    number: int
    after: int
    parent: int


class Syntax:
    """A text and its nodes.

    Args:
        text: as it was parsed.
        language: the editor's id.
        nodes: the root first.
    """

    def __init__(self, text: str, language: str, nodes: list[Node]) -> None:
        self.text = text
        self.language = language
        self.nodes = nodes
        self._steps = _STEPS + _STEPS_A_NODE * len(nodes)

    def spend(self, steps: int) -> None:
        """Account for work whose amount the text decides, in steps of a fraction of a microsecond.

        Raises:
            TooMuch: there were too many.
        """
        self._steps -= steps
        if self._steps < 0:
            raise TooMuch

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        return self.nodes[0]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _by_kind(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.kind, []).append(node)
        return found

    @cached_property
    def _errors(self) -> list[int]:
        return [node.start for node in self._by_kind.get("ERROR", ())]

    def of(self, kinds: Collection[str]) -> list[Node]:
        """Every node of these kinds, in the order of the text."""
        lists = [self._by_kind[kind] for kind in kinds if kind in self._by_kind]
        return lists[0] if len(lists) == 1 else list(merge(*lists, key=lambda node: node.number))

    def children(self, node: Node) -> Iterator[Node]:
        """The nodes right below one."""
        self.spend(1)
        number = node.number + 1
        while number < node.after:
            child = self.nodes[number]
            yield child
            number = child.after

    def parts(self, node: Node) -> list[Node]:
        """Its children without keywords, marks and comments."""
        return [child for child in self.children(node) if child.named and "comment" not in child.kind]

    def below(self, node: Node) -> list[Node]:
        """Everything below a node, in the order of the text."""
        self.spend(node.after - node.number)
        return self.nodes[node.number + 1 : node.after]

    def parent(self, node: Node) -> Node | None:
        """The node right above; None for the root."""
        return None if node.parent < 0 else self.nodes[node.parent]

    def above(self, node: Node) -> Iterator[Node]:
        """Everything above a node, the nearest first."""
        while node.parent >= 0:
            self.spend(1)
            node = self.nodes[node.parent]
            yield node

    def field(self, node: Node, name: str) -> Node | None:
        """The first child that the grammar calls so."""
        return next((child for child in self.children(node) if child.field == name), None)

    def say(self, node: Node) -> str:
        """Its text."""
        return self.text[node.start : node.end]

    def row(self, node: Node) -> int:
        """The row where it starts."""
        return bisect_right(self._starts, node.start) - 1

    def end_row(self, node: Node) -> int:
        """The row of its last character."""
        return bisect_right(self._starts, max(node.start, node.end - 1)) - 1

    def row_of(self, offset: int) -> int:
        """The row of a place in the text."""
        return bisect_right(self._starts, offset) - 1

    def is_sound(self, node: Node) -> bool:
        """Whether the grammar understood all of it."""
        at = bisect_right(self._errors, node.start - 1)
        return node.kind != "ERROR" and (at == len(self._errors) or self._errors[at] >= node.end)


def syntax(text: str, language: str, limit_s: float = _LIMIT_S) -> Syntax | None:
    """All nodes of a text.

    None without a grammar, for a text that is too long or too deep (`MOST_TEXT` code points,
    `MOST_NODES`, `MOST_DEPTH`), and where it
    takes longer than allowed, in seconds of the thread's own time.
    """
    tree = parse(text, language, limit_s)
    nodes = None if tree is None else _flat(tree, limit_s)
    return None if nodes is None else Syntax(text, language, nodes)


def _flat(tree: Tree, limit_s: float) -> list[Node] | None:
    end = time.thread_time() + limit_s
    cursor = tree.root_node.walk()
    nodes: list[Node] = []
    parent, depth = -1, 0
    while True:
        own = cursor.node
        number = len(nodes)
        if own is None or number >= MOST_NODES or depth > MOST_DEPTH:
            return None
        if number % _CHECK_EVERY == 0 and time.thread_time() > end:
            return None
        kind = "ERROR" if own.is_missing else own.type
        node = Node(
            kind, cursor.field_name or "", own.is_named, own.start_byte, own.end_byte, number, number + 1, parent
        )
        nodes.append(node)
        if cursor.goto_first_child():
            parent, depth = number, depth + 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return nodes
            nodes[parent].after = len(nodes)
            parent, depth = nodes[parent].parent, depth - 1
