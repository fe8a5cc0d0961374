"""What a file defines: functions, classes, types and variables that another file could use, with what a caller needs.

A row a language in `shapes.py` names the node kinds; the rest is shared. Nothing inside a function is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beastmode.context.syntax.shapes import SHAPES
from beastmode.context.syntax.tree import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from beastmode.context.syntax.shapes import Shapes

Kind = Literal["function", "class", "method", "variable", "type"]
_KINDS: dict[str, Kind] = {"functions": "function", "classes": "class", "types": "type", "variables": "variable"}

MOST_LINES = 40
_MOST_COMMENT_LINES = 12
_MOST_VARIABLE_LINES = 6
_MOST_CLASS_LINES = 2000
_MOST_PARTS = 8
_LONGEST_NAME = 200
_PATTERNS = frozenset(("object_pattern", "array_pattern"))
"""What stands where a name could, and gives many."""
_CLOSED = frozenset(("functions", "types", "variables", "opaque"))
"""What holds nothing that another file could use."""
_SPECIFIED = frozenset(("declaration", "field_declaration"))
"""Declarations of variables whose type may be defined in the same breath."""
_ROLES = ("functions", "classes", "types", "variables", "wrappers", "scopes", "opaque")
_HOLLOW = frozenset(("struct_specifier", "union_specifier", "class_specifier", "enum_specifier"))
"""Kinds that define something only where they have a body; elsewhere they name it."""


@dataclass(frozen=True, slots=True)
class Definition:
    r"""Something with a name.

    Attributes:
        line, end_line: from its leading comment or decorator to its last line, from zero, inclusive.
        text: what a caller needs: the comment, the signature and the docstring of a function; the header, the fields
            and the signatures of the members of a class. Whole lines with `\n` endings, at most `MOST_LINES`.
        parent: the class that it is a member of, or ''.
    """

    name: str
    kind: Kind
    line: int
    end_line: int
    text: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    """A definition on its way: `first` is the row of its decorator, `owner` the number of its class among the items."""

    node: Node
    kind: Kind
    name: str
    parent: str
    owner: int | None
    first: int


def definitions(text: str, language: str) -> list[Definition]:
    """What a file defines, in the order of the text; empty without a grammar. Nothing that stands inside a function."""
    row = SHAPES.get(language)
    tree = parse(text, language) if row is not None else None
    if row is None or tree is None:
        return []
    items = _items(tree.root_node, row, text)
    lines = [line.rstrip("\r") for line in text.split("\n")]
    hidden: set[int] = set()
    elsewhere: dict[str, list[str]] = {}
    for item in items:
        if item.kind == "method":
            end = _signature_end(item.node)
            hidden.update(range(end + 1, _last_row(item.node) + 1))
            if item.owner is None:
                elsewhere.setdefault(item.parent, []).extend(lines[item.node.start_point[0] : end + 1])
    return [_definition(item, lines, row, hidden, elsewhere.get(item.name, [])) for item in items]


def _items(root: Node, row: Shapes, text: str) -> list[_Item]:
    found: list[_Item] = []
    classes: list[tuple[int, str, int | None]] = []
    wrapper, wrapper_end, wrapper_row = -2, 0, 0
    for depth, node, role in _nodes(root, row):
        while classes and classes[-1][0] >= depth:
            classes.pop()
        is_wrapped = wrapper == depth - 1 and node.start_byte < wrapper_end
        first = wrapper_row if is_wrapped else node.start_point[0]
        if role == "wrappers":
            wrapper, wrapper_end, wrapper_row = depth, node.end_byte, first
        elif role == "scopes":
            classes.append((depth, _text(_leaf(node.child_by_field_name("type")), text), None))
        elif (item := _item(node, role, row, text)) is not None:
            kind, name, parent = item
            owner = None
            if classes and not parent:
                _, parent, owner = classes[-1]
            if role == "classes":
                classes.append((depth, name, len(found)))
            found.append(_Item(node, "method" if kind == "function" and parent else kind, name, parent, owner, first))
    return found


def _nodes(root: Node, row: Shapes) -> Iterator[tuple[int, Node, str]]:
    """The nodes that play a role for definitions, with their depth; none inside of a function. Does not recurse."""
    roles = {name: role for role in _ROLES for name in getattr(row, role).split()}
    cursor, depth = root.walk(), 0
    while True:
        node = cursor.node
        role = roles.get(node.type) if node is not None else None
        if node is not None and role is not None and role != "opaque":
            yield depth, node, role
        if (role not in _CLOSED or (node is not None and node.type in _SPECIFIED)) and cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


def _item(node: Node, role: str, row: Shapes, text: str) -> tuple[Kind, str, str] | None:
    """Kind, name and parent (where the node itself names one) of a definition; None where it is none."""
    if node.type in _HOLLOW and node.child_by_field_name("body") is None:
        return None
    kind, parent = _KINDS[role], ""
    named = node.child_by_field_name("name") or node.child_by_field_name("left")
    if named is None and (declarator := node.child_by_field_name("declarator")) is not None:
        named, parent, is_function = _declared(declarator, text)
        kind = "function" if is_function and kind == "variable" else kind
    named = named or _first_named(node)
    if named is None or named.type in _PATTERNS or (row.left and node.type == "assignment" and named.type != row.left):
        return None
    if (receiver := node.child_by_field_name("receiver")) is not None:
        parent = _text(_leaf(receiver), text)
    if kind == "variable" and _value(node) is not None:
        kind = "function"
    if node.type == "type_spec" and (shape := node.child_by_field_name("type")) is not None:
        kind = "class" if shape.type in ("struct_type", "interface_type") else "type"
    name = _text(named, text).lstrip("$")
    return (kind, name, parent) if name and len(name) <= _LONGEST_NAME else None


def _declared(declarator: Node, text: str) -> tuple[Node, str, bool]:
    """What a declarator of C's declares: its name, the class that it is written to belong to, is it a function."""
    parent, is_function = "", False
    while (inner := _within(declarator)) is not None:
        is_function |= declarator.type == "function_declarator"
        if declarator.type == "qualified_identifier":
            parent = _text(declarator.child_by_field_name("scope"), text)
        declarator = inner
    return declarator, parent, is_function


def _text(node: Node | None, text: str) -> str:
    return "" if node is None else text[node.start_byte : node.end_byte]


def _within(node: Node) -> Node | None:
    """What a declarator declares: one step inwards."""
    if node.type == "qualified_identifier":
        return node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    if inner is None and node.type in ("reference_declarator", "parenthesized_declarator"):
        return node.named_child(0) if node.named_child_count else None
    return inner or node.child_by_field_name("name") if node.type == "variable_declarator" else inner


def _first_named(node: Node) -> Node | None:
    """The name of a node whose grammar calls it by no field: its own, or that of the first part that has one."""
    level = [node]
    for _ in range(3):
        level = [child for each in level for child in each.named_children[:_MOST_PARTS]]
        for child in level:
            if (named := child.child_by_field_name("name")) is not None:
                return named
            if child.type == "name":
                return child
    return None


def _leaf(node: Node | None) -> Node | None:
    """The name in a type such as `*Foo[T]`."""
    for _ in range(_MOST_PARTS):
        if node is None or node.type == "type_identifier":
            return node
        children = node.named_children
        node = next(
            (child for child in children if child.type == "type_identifier"), children[-1] if children else None
        )
    return None


def _value(node: Node) -> Node | None:
    """The function that a variable is set to."""
    value = node.child_by_field_name("value")
    return value if value is not None and value.type in ("arrow_function", "function_expression") else None


def _body(node: Node) -> Node | None:
    return (_value(node) or node).child_by_field_name("body")


def _signature_end(node: Node) -> int:
    """The last row that a caller needs to see of a function or of a class's header."""
    body = _body(node)
    if body is None:
        return _last_row(node)
    row = body.start_point[0]
    if row == node.start_point[0] or body.type not in ("block", "body_statement"):
        return row
    first = body.child(0) if body.child_count else None
    return row if first is not None and first.type == "{" else row - 1


def _last_row(node: Node) -> int:
    # A node may end at the start of a line that is not its own.
    (start, _), (end, column) = node.start_point, node.end_point
    return end - 1 if end > start and column == 0 else end


def _docstring_end(node: Node) -> int | None:
    body = _body(node)
    first = body.named_child(0) if body is not None and body.named_child_count else None
    string = first.named_child(0) if first is not None and first.type == "expression_statement" else None
    if string is None or string.type != "string":
        return None
    return min(string.end_point[0], string.start_point[0] + _MOST_COMMENT_LINES - 1)


def _definition(item: _Item, lines: list[str], row: Shapes, hidden: set[int], elsewhere: list[str]) -> Definition:
    """`hidden` rows are bodies of methods; `elsewhere` are signatures of methods that stand outside of their class."""
    node = item.node
    first, last = _above(lines, item.first, row.comments), _last_row(node)
    signature = _signature_end(node)
    documented = _docstring_end(node) if row.docstrings else None
    if item.kind in ("function", "method"):
        rows = range(first, max(signature, documented or 0) + 1)
        shown = [lines[number] for number in rows[:MOST_LINES]]
    elif item.kind == "class":
        header = max(signature, documented or 0)
        shown = [
            lines[number]
            for number in range(first, min(last, first + _MOST_CLASS_LINES) + 1)
            if number <= header or (number not in hidden and _says(lines[number], row.comments))
        ]
        shown = [*shown, *elsewhere][:MOST_LINES]
    else:
        most = MOST_LINES if item.kind == "type" else _MOST_VARIABLE_LINES
        shown = lines[first : last + 1][:most]
    return Definition(item.name, item.kind, first, last, "".join(f"{line}\n" for line in shown), item.parent)


def _above(lines: list[str], first: int, comments: tuple[str, ...]) -> int:
    """The row where the comment right above a definition starts."""
    start = first
    while start > max(0, first - _MOST_COMMENT_LINES) and lines[start - 1].lstrip().startswith(comments):
        start -= 1
        if lines[start].startswith("#!"):
            return start + 1
    return start


def _says(line: str, comments: tuple[str, ...]) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith(comments)
