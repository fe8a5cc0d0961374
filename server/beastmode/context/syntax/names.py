"""The names that the code around a cursor uses, the nearest first."""

from __future__ import annotations

import re

from beastmode.context.syntax.tree import parse_part, walk

_KINDS = frozenset(
    (
        "identifier",
        "type_identifier",
        "field_identifier",
        "property_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
        "namespace_identifier",
        "package_identifier",
        "constant",
        "instance_variable",
        "name",
        "variable_name",
        "word",
    )
)
"""What the grammars call a name."""

_LEFT_OUT = frozenset(("self", "cls", "this", "super", "_", "None", "True", "False", "null", "true", "false", "nil"))
_NAME = re.compile(r"[^\W\d]\w*")
_LONGEST_LINE = 2_000
"""Code points of the text on each side that are looked at, times the number of lines: a minified file has one line."""


def names_near(before: str, after: str, language: str, lines: int = 20) -> list[str]:
    """The names used within so many lines of the cursor, the nearest line first, each once; [] without a grammar.

    Keywords, strings and comments are left out. A window of the file is enough, and the code may be unfinished.
    """
    above = _last_lines(before, lines)
    below = _first_lines(after, lines)
    tree = parse_part(above + below, language)
    if tree is None:
        return []
    text, here = above + below, above.count("\n")
    found: dict[str, tuple[int, int]] = {}
    for node in walk(tree.root_node):
        if node.type in _KINDS:
            for name in _NAME.findall(text[node.start_byte : node.end_byte]):
                place = abs(node.start_point[0] - here), abs(node.start_byte - len(above))
                found[name] = min(place, found.get(name, place))
    return [name for name in sorted(found, key=found.__getitem__) if name not in _LEFT_OUT]


def _last_lines(text: str, lines: int) -> str:
    text = text[-lines * _LONGEST_LINE :]
    start = len(text)
    for _ in range(lines + 1):
        start = text.rfind("\n", 0, start)
        if start < 0:
            return text
    return text[start + 1 :]


def _first_lines(text: str, lines: int) -> str:
    text = text[: lines * _LONGEST_LINE]
    end = -1
    for _ in range(lines + 1):
        end = text.find("\n", end + 1)
        if end < 0:
            return text
    return text[:end]
