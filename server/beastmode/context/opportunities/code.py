"""A file as the rules see it: its functions and classes by name, and which of its rows hold code."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from beastmode.context.opportunities.forms import FORMS
from beastmode.context.opportunities.parameters import parameters

if TYPE_CHECKING:
    from beastmode.context.opportunities.parameters import Parameter
    from beastmode.context.syntax.nodes import Node, Syntax

_LONGEST_NAME = 80
_TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|__mocks__|e2e|fixtures|testdata|benchmarks?)(/|$)"
    r"|(^|/)(test_[^/]*|conftest\.py|[^/]*([._-](test|tests|spec)\.\w+))$"
    r"|(^|/)[^/]*Tests?\.(java|cs|php)$"
)
_NAMED_BY = {
    "variable_declarator": "name",
    "public_field_definition": "name",
    "field_definition": "property",
    "pair": "key",
    "assignment_expression": "left",
}
"""Where a function without a name of its own gets it from."""


_WORD = re.compile(r"[\w$]+")


def words(text: str) -> Counter[str]:
    """How often each word stands in a text."""
    return Counter(_WORD.findall(text))


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function with a name: `qualified` is `Class.method` for a method, `owner` its class."""

    node: Node
    body: Node
    name: str
    qualified: str
    owner: str


class Code:
    """One file.

    Args:
        syntax: its nodes.
        path: relative to the workspace, with `/`.
    """

    def __init__(self, syntax: Syntax, path: str) -> None:
        self.syntax = syntax
        self.path = path
        self.language = syntax.language
        self.forms = FORMS[syntax.language]
        self._words: dict[int, Counter[str]] = {}

    @cached_property
    def is_test(self) -> bool:
        """Whether the file is a test, by its path."""
        return _TEST_PATH.search(self.path) is not None

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines."""
        return self.syntax.text.split("\n")

    @cached_property
    def is_sound(self) -> bool:
        """Whether the grammar understood the whole file."""
        return self.syntax.is_sound(self.syntax.root)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function that has a name and a body, in the order of the text."""
        found = []
        for node in self.syntax.of(self.forms.functions | self.forms.lambdas):
            body, name = self.body(node), self._name(node)
            if body is not None and name:
                owner = self.owner(node)
                found.append(Function(node, body, name, f"{owner}.{name}" if owner else name, owner))
        return tuple(found)

    @cached_property
    def classes(self) -> tuple[tuple[Node, str], ...]:
        """Every class with its name."""
        named = ((node, self._name(node)) for node in self.syntax.of(self.forms.classes) if self.body(node) is not None)
        return tuple((node, name) for node, name in named if name)

    @cached_property
    def _code_rows(self) -> list[int]:
        """The rows that hold code, in order: not those that are blank, or inside of a comment or a long string."""
        rows: set[int] = set()
        syntax, comments = self.syntax, self.forms.comments
        number, nodes = 0, syntax.nodes
        while number < len(nodes):
            node = nodes[number]
            if node.kind in comments:
                number = node.after
                continue
            if node.after == number + 1 and node.end > node.start:
                rows.add(syntax.row(node))
            number += 1
        return sorted(rows)

    @cached_property
    def comment_rows(self) -> frozenset[int]:
        """The rows with a comment on them."""
        syntax = self.syntax
        return frozenset(
            row for node in syntax.of(self.forms.comments) for row in range(syntax.row(node), syntax.end_row(node) + 1)
        )

    def rows_between(self, first: int, last: int) -> int:
        """How many rows hold code, both ends included."""
        return bisect_right(self._code_rows, last) - bisect_left(self._code_rows, first)

    def rows_of(self, node: Node) -> int:
        """How many rows of a node hold code."""
        return self.rows_between(self.syntax.row(node), self.syntax.end_row(node))

    def body(self, node: Node) -> Node | None:
        """The body of a function or a class."""
        return self.syntax.field(node, "body")

    def inner(self, function: Function) -> list[Function]:
        """The functions with a name right inside of one; those inside of them are theirs."""
        found: list[Function] = []
        for other in self.functions[self._index[function.node.number] + 1 :]:
            self.syntax.spend(1)
            if other.node.number >= function.node.after:
                break
            if not found or other.node.number >= found[-1].node.after:
                found.append(other)
        return found

    def own(self, function: Function) -> list[Node]:
        """The nodes of a function's body, without those of functions with a name inside of it."""
        nodes, at = self.syntax.nodes, function.body.number + 1
        found: list[Node] = []
        for other in self.inner(function):
            found += nodes[at : max(at, other.node.number)]
            at = max(at, other.node.after)
        return found + nodes[at : function.body.after]

    def own_rows(self, function: Function) -> int:
        """How many rows of code a function has, without those of functions with a name inside of it."""
        inside = sum(self.rows_of(other.node) for other in self.inner(function))
        return self.rows_of(function.node) - inside

    def words(self, function: Function) -> Counter[str]:
        """How often each word stands in a function: in code, in strings and in comments."""
        found = self._words.get(function.node.number)
        if found is None:
            self.syntax.spend((function.node.end - function.node.start) // 4)
            found = self._words[function.node.number] = words(self.syntax.say(function.node))
        return found

    @cached_property
    def mentions(self) -> Counter[str]:
        """How often each word stands in the file, anywhere: what seems unused must not be mentioned at all."""
        return words(self.syntax.text)

    def parameters(self, function: Function) -> tuple[Parameter, ...]:
        """What a caller gives, without the object that a method belongs to."""
        return parameters(self.syntax, self.forms, function.node)

    def around(self, node: Node) -> str:
        """The qualified name of the function or class that a node stands in, '' for the file."""
        for above in self.syntax.above(node):
            named = self._qualified.get(above.number)
            if named:
                return named
        return ""

    def name_of(self, node: Node) -> str:
        """The qualified name of a function or class, or of what a body is the body of; '' for anything else."""
        parent = self.syntax.parent(node)
        named = self._qualified.get(node.number, "")
        return named or (self._qualified.get(parent.number, "") if parent is not None and node.field == "body" else "")

    def function_around(self, node: Node) -> Function | None:
        """The function with a name that a node stands in."""
        for above in self.syntax.above(node):
            at = self._index.get(above.number)
            if at is not None:
                return self.functions[at]
        return None

    def is_else_if(self, node: Node) -> bool:
        """Whether an `if` only goes on with the chain of the one before it."""
        parent = self.syntax.parent(node)
        if node.kind not in self.forms.ifs or parent is None:
            return False
        if node.field == "alternative":
            return parent.kind in self.forms.ifs
        return parent.kind == "else_clause" and len(self.syntax.parts(parent)) == 1

    def squeezed(self, node: Node) -> str:
        """The text of a node without its comments and with single blanks: what stays the same when it is moved."""
        comments = [each for each in self.syntax.below(node) if each.kind in self.forms.comments]
        pieces, at = [], node.start
        for comment in comments:
            if comment.start >= at:
                pieces.append(self.syntax.text[at : comment.start])
                at = comment.end
        pieces.append(self.syntax.text[at : node.end])
        return " ".join(" ".join(pieces).split())

    def owner(self, node: Node) -> str:
        """The class that a node is a member of, '' for none; a Go method belongs to its receiver's type."""
        receiver = self.syntax.field(node, "receiver")
        if receiver is not None:
            types = [each for each in self.syntax.below(receiver) if each.kind == "type_identifier"]
            return self.syntax.say(types[0]) if types else ""
        functions = self.forms.functions
        for above in self.syntax.above(node):
            if above.kind in functions:
                return ""
            if above.kind in self.forms.classes:
                return self._name(above)
        return ""

    @cached_property
    def _index(self) -> dict[int, int]:
        return {function.node.number: at for at, function in enumerate(self.functions)}

    @cached_property
    def _qualified(self) -> dict[int, str]:
        named = {node.number: name for node, name in self.classes}
        return named | {function.node.number: function.qualified for function in self.functions}

    def _name(self, node: Node) -> str:
        syntax = self.syntax
        named = syntax.field(node, "name")
        if named is None and node.kind in self.forms.lambdas:
            parent = syntax.parent(node)
            field = _NAMED_BY.get(parent.kind) if parent is not None else None
            named = syntax.field(parent, field) if parent is not None and field else None
        elif named is None and node.kind == "impl_item":
            named = syntax.field(node, "type")
        elif named is None:
            named = self._declared(node)
        name = syntax.say(named).strip() if named is not None else ""
        return name if len(name) <= _LONGEST_NAME and "\n" not in name else ""

    def _declared(self, node: Node) -> Node | None:
        """The name in the declarator of a C function, whatever it returns."""
        found = self.syntax.field(node, "declarator")
        while found is not None:
            inner = self.syntax.field(found, "declarator") or (
                next(iter(self.syntax.parts(found)), None)
                if found.kind in {"reference_declarator", "parenthesized_declarator"}
                else None
            )
            if inner is None:
                return found
            found = inner
        return None
