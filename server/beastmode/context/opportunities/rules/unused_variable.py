"""Local variables that are set once and never mentioned again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_BY_NAME = frozenset(("locals", "vars", "eval", "exec", "globals", "nonlocal", "global", "arguments"))
"""What may use a variable without a mention of it."""
_MARKED = re.compile(r"noqa|type:\s*ignore|pylint|pyright|eslint|@ts-|@SuppressWarnings", re.IGNORECASE)
_TARGETS = {
    "python": ("assignment", "left", "expression_statement"),
    "javascript": ("variable_declarator", "name", ""),
    "javascriptreact": ("variable_declarator", "name", ""),
    "typescript": ("variable_declarator", "name", ""),
    "typescriptreact": ("variable_declarator", "name", ""),
    "java": ("variable_declarator", "name", "local_variable_declaration"),
    "csharp": ("variable_declarator", "name", "variable_declaration"),
}
"""The kind that sets a variable, the field with its name, the kind that it stands right in ('' for any)."""
_SCOPES = frozenset(("class_definition", "class_body"))


def _find(code: Code) -> Iterator[Finding]:
    if code.language not in _TARGETS or not code.is_sound:
        return
    kind, field, within = _TARGETS[code.language]
    syntax = code.syntax
    for node in syntax.of((kind,)):
        named, parent = syntax.field(node, field), syntax.parent(node)
        if named is None or named.kind != "identifier" or parent is None or (within and parent.kind != within):
            continue
        name = syntax.say(named)
        if name.startswith("_"):
            continue
        function = code.function_around(node)
        if function is None or not _is_local(code, node, function.node) or _holds(code, node, parent):
            continue
        said = code.words(function)
        if said[name] != 1 or any(each in said for each in _BY_NAME) or _MARKED.search(code.lines[syntax.row(node)]):
            continue
        yield Finding(
            Severity.LOW,
            syntax.row(node),
            syntax.end_row(node),
            function.qualified,
            f"`{name}` is set and never used in `{function.name}`",
            "Delete it; keep the call that it is set to if that does something",
            mark=name,
        )


def _is_local(code: Code, node: Node, function: Node) -> bool:
    for above in code.syntax.above(node):
        if above is function:
            return True
        if above.kind in _SCOPES:
            return False
    return False


def _holds(code: Code, node: Node, parent: Node) -> bool:
    """Whether it is there to keep something open, or is only declared."""
    if code.syntax.field(node, "right") is None and code.language == "python":
        return True
    above = code.syntax.parent(parent)
    kinds = {parent.kind, above.kind if above is not None else ""}
    if code.language == "csharp":
        return "local_declaration_statement" not in kinds or (
            above is not None and code.syntax.say(above).startswith(("using", "await using"))
        )
    return bool(kinds & {"for_statement", "for_in_statement", "using_statement", "export_statement"})


RULE = Rule("unused-variable", "a local variable that is set and not used", _find)
