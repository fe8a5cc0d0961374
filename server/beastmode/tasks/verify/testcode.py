"""The test functions in the text of a test file, by the names that runners give them; and the text without some.

Pure. What is a test in a language is decided here, over the syntax tree; `Outcome.functions` uses the same names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.syntax import parses
from beastmode.context.syntax.tree import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tree_sitter import Node

_SCRIPTS = frozenset(("javascript", "javascriptreact", "typescript", "typescriptreact"))
_GROUPS = frozenset(("describe", "suite", "context"))
_TESTS = frozenset(("it", "test", "specify"))
_MARKS = re.compile(r"%[sdifjoOpc#]|\$\{?[\w.]+\}?")
"""What stands for a parameter in the title of a parametrised test."""
_JUNIT = re.compile(r"@(\w+\.)*(Test|ParameterizedTest|RepeatedTest|TestFactory)\b")
_RUST = re.compile(r"#\[(\w+::)?(test|rstest|test_case)\b")


@dataclass(frozen=True, slots=True)
class SourceTest:
    """One test in the source.

    Attributes:
        name: as `Case.function`; with groups and classes.
        line, end_line: with decorators and the comment right above, from zero, inclusive.
        group: the lines of the class or group that holds it, None at the top.
    """

    name: str
    line: int
    end_line: int
    group: tuple[int, int] | None = None

    def is_called(self, name: str) -> bool:
        """Whether a runner's name means this test."""
        if name == self.name:
            return True
        pattern = "(.|\n)*".join(map(re.escape, _MARKS.split(self.name)))
        return _MARKS.search(self.name) is not None and re.fullmatch(pattern, name) is not None


def source_tests(text: str, language: str) -> list[SourceTest]:
    """The tests of a file in the order of its text; empty where the language has no rules here."""
    tree = parse(text, language)
    if tree is None:
        return []
    lines = text.split("\n")
    if language in _SCRIPTS:
        found = _of_scripts(tree.root_node, text)
    else:
        found = _of_definitions(tree.root_node, text, language)
    return [
        SourceTest(
            name, _above(lines, node.start_point[0]), _last(node), group and (group.start_point[0], _last(group))
        )
        for name, node, group in found
    ]


def without(text: str, language: str, names: Collection[str]) -> str:
    """The text without these tests, and without a class or group that holds none any more.

    The text as it is where taking them out would leave something that cannot be read.
    """
    tests = source_tests(text, language)
    dropped = [test for test in tests if test.name in names]
    kept = [test.line for test in tests if test.name not in names]
    gone: set[int] = set()
    lines = text.split("\n")
    for test in dropped:
        first, last = test.line, test.end_line
        if test.group is not None and not any(test.group[0] <= line <= test.group[1] for line in kept):
            first, last = test.group
        while first > 0 and not lines[first - 1].strip():
            first -= 1
        gone.update(range(first, last + 1))
    left = "\n".join(line for number, line in enumerate(lines) if number not in gone).lstrip("\n")
    return text if parses(left, language) is False and parses(text, language) else left


def _of_definitions(root: Node, text: str, language: str) -> Iterator[tuple[str, Node, Node | None]]:
    """(name, node with what decorates it, the class around it) of functions that are tests."""
    waiting: list[tuple[Node, tuple[str, ...], Node | None, Node]] = [(root, (), None, root)]
    while waiting:
        node, owners, group, whole = waiting.pop()
        if node.type in ("function_definition", "function_declaration", "method_declaration", "function_item"):
            name = _field(node, "name", text)
            above = text[whole.start_byte : node.start_byte] + _attributes(node, text)
            if _is_test(name, above + text[node.start_byte : node.start_byte + 200], language):
                yield ".".join((*owners, name)), whole, group
            continue
        inner = owners
        if node.type in ("class_definition", "class_declaration", "mod_item"):
            inner, group = (*owners, _field(node, "name", text)), whole
        decorated = node.type == "decorated_definition"
        waiting += [(child, inner, group, whole if decorated else child) for child in reversed(node.named_children)]


def _is_test(name: str, head: str, language: str) -> bool:
    if language == "python":
        return name.startswith("test")
    if language == "go":
        return name.startswith("Test") and not name[4:5].islower()
    if language == "rust":
        return _RUST.search(head.partition("fn ")[0]) is not None
    return language == "java" and _JUNIT.search(head.partition("{")[0]) is not None


def _attributes(node: Node, text: str) -> str:
    """What Rust writes above a function, which its grammar calls a neighbour."""
    at, said = node.prev_sibling, ""
    while at is not None and at.type == "attribute_item":
        said, at = text[at.start_byte : at.end_byte] + said, at.prev_sibling
    return said


def _of_scripts(root: Node, text: str) -> Iterator[tuple[str, Node, Node | None]]:
    """Calls of `it` and `test` with a title, in calls of `describe`."""
    waiting: list[tuple[Node, tuple[str, ...], Node | None]] = [(root, (), None)]
    while waiting:
        node, titles, group = waiting.pop()
        if node.type == "expression_statement" and node.named_children:
            called, title = _titled(node.named_children[0], text)
            if called in _TESTS and title is not None:
                yield " ".join((*titles, title)), node, group
                continue
            if called in _GROUPS and title is not None:
                titles, group = (*titles, title), node
        waiting += [(child, titles, group) for child in reversed(node.named_children)]


def _titled(node: Node, text: str) -> tuple[str, str | None]:
    """What a call such as `it.each([…])("title", …)` calls, and the title; ('', None) for any other expression."""
    if node.type != "call_expression":
        return "", None
    called = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    while called is not None and called.type in ("call_expression", "member_expression"):
        called = called.child_by_field_name("function") or called.child_by_field_name("object")
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    if called is None or first is None or first.type not in ("string", "template_string"):
        return "", None
    title = text[first.start_byte + 1 : first.end_byte - 1]
    return text[called.start_byte : called.end_byte], re.sub(r"\\(.)", r"\1", title)


def _field(node: Node, name: str, text: str) -> str:
    found = node.child_by_field_name(name)
    return "" if found is None else text[found.start_byte : found.end_byte]


def _last(node: Node) -> int:
    (start, _), (end, column) = node.start_point, node.end_point
    return end - 1 if end > start and column == 0 else end


def _above(lines: list[str], first: int) -> int:
    while first > 0 and lines[first - 1].lstrip().startswith(("# ", "//", "/*", "*", "#[")):
        first -= 1
    return first
