"""New tests at the end of a test file that is there, their imports among its own. Pure.

Only where that is plain: a name that both sides have, and any doubt, is a reason to make a new file instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax import imports, parses
from beastmode.context.syntax.tree import parse
from beastmode.tasks.verify.testcode import source_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

_SCRIPTS = frozenset(("javascript", "javascriptreact", "typescript", "typescriptreact"))
_MAIN = re.compile(r"if\s+__name__\s*==")
_DEFINES = frozenset(
    ("function_definition", "class_definition", "function_declaration", "class_declaration", "variable_declarator")
)


def added(before: str, new: str, language: str) -> str | None:
    """The text of a test file with more tests; None where they are better put into a file of their own.

    Args:
        before: the file as it is.
        new: another file of tests, with its imports.
        language: of both, by the editor's id.
    """
    old, more = (parse(text, language) for text in (before, new))
    if old is None or more is None or (language != "python" and language not in _SCRIPTS):
        return None
    try:
        brought, body = _parted(_Side(old.root_node, before, language), _Side(more.root_node, new, language))
    except _DoubtError:
        return None
    text = _joined(before, brought, body, language, old.root_node)
    return text if parses(text, language) is not False else None


class _DoubtError(Exception):
    """Both sides have a name, and nobody can tell whether they mean the same."""


class _Side:
    """One of the two files, with the names that it imports."""

    def __init__(self, root: Node, text: str, language: str) -> None:
        self.root, self.text, self.language = root, text, language
        self.imported = _imported(text, language)
        self.import_rows = {each.line for each in imports(text, language)}
        self.tests = {test.name for test in source_tests(text, language)}

    def said(self) -> set[str]:
        return {_said(node, self.text) for node in self.root.named_children}

    def defined(self) -> set[str]:
        return {name for node in self.root.named_children for name in _defined(node, self.text)}


def _parted(old: _Side, new: _Side) -> tuple[list[str], str]:
    """The imports that the old file still needs, and the rest of the new one without what is there already."""
    if old.tests & new.tests:
        raise _DoubtError
    if any(old.imported.get(name, (where,))[0] != where for name, (where, _) in new.imported.items()):
        raise _DoubtError
    known, taken = old.said(), old.defined() | old.imported.keys()
    brought: list[str] = []
    gone: set[int] = set()
    for node in new.root.named_children:
        said, row = _said(node, new.text), node.start_point[0]
        if row in new.import_rows:
            if said not in known and _is_missing(row, old, new):
                brought.append(said)
        elif said not in known and not _MAIN.match(said):
            if _defined(node, new.text) & taken:
                raise _DoubtError
            continue
        gone.update(range(row, node.end_point[0] + 1))
    lines = new.text.split("\n")
    return brought, "\n".join(line for number, line in enumerate(lines) if number not in gone).strip("\n")


def _is_missing(row: int, old: _Side, new: _Side) -> bool:
    """Whether an import brings a name that the old file does not have."""
    here = {name for name, (_, line) in new.imported.items() if line == row}
    have = here & old.imported.keys()
    if have and have != here and new.language in _SCRIPTS:
        raise _DoubtError  # a script may not import a name twice
    return not here or have != here


def _joined(before: str, brought: list[str], body: str, language: str, root: Node) -> str:
    lines = before.rstrip("\n").split("\n")
    tops = [node for node in root.named_children if node.type != "comment"]
    end = len(lines)
    if tops and _MAIN.match(_said(tops[-1], before)):
        end = tops[-1].start_point[0]
    rows = {each.line for each in imports(before, language)}
    after = [node.end_point[0] + 1 for node in tops if node.start_point[0] in rows]
    at = after[-1] if after else 0
    blank = [""] * (2 if language == "python" else 1)
    middle = "\n".join(lines[at:end]).rstrip("\n").split("\n")
    tail = [*blank, *lines[end:]] if end < len(lines) else []
    return "\n".join([*lines[:at], *brought, *middle, *blank, body, *tail]) + "\n"


def _imported(text: str, language: str) -> dict[str, tuple[tuple[str, str], int]]:
    """Each name that an import brings: what it is elsewhere, and the statement's line."""
    found = {}
    for each in imports(text, language):
        if each.names:
            for name in each.names:
                found[each.alias if each.alias and len(each.names) == 1 else name] = ((each.module, name), each.line)
        else:
            found[each.alias or each.module.partition(".")[0]] = ((each.module, ""), each.line)
    return found


def _defined(node: Node, text: str) -> set[str]:
    """The names that a statement at the top gives to something."""
    found: set[str] = set()
    for each in _within(node):
        if each.type in _DEFINES or each.type == "assignment":
            named = each.child_by_field_name("name") or each.child_by_field_name("left")
            if named is not None:
                found.update(re.findall(r"[\w$]+", text[named.start_byte : named.end_byte]))
    return found


def _within(node: Node) -> Iterator[Node]:
    """The statement, and what it wraps: decorated, exported, or an expression."""
    yield node
    if node.type in ("decorated_definition", "export_statement", "lexical_declaration", "variable_declaration"):
        for child in node.named_children:
            yield from _within(child)
    elif node.type == "expression_statement":
        yield from node.named_children


def _said(node: Node, text: str) -> str:
    return text[node.start_byte : node.end_byte].strip()
