"""Private functions that nothing mentions: not the file, and for Python no other file of the workspace either.

Go, Rust and C have compilers that say so, and a file of C may be included into another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from beastmode.context.opportunities.code import Code, Function

_BY_NAME = ("getattr", "hasattr", "__getattr__", "__getattribute__")
"""What may call a method whose name is put together."""
_SERIALIZATION = frozenset(("readObject", "writeObject", "readResolve", "writeReplace", "readObjectNoData"))


def _find(code: Code) -> Iterator[Finding]:
    is_private = _PRIVATE.get(code.language)
    if is_private is None or not code.is_sound:
        return
    for function in code.functions:
        if code.mentions[function.name.lstrip("#")] != 1 or not is_private(code, function):
            continue
        yield Finding(
            Severity.MEDIUM,
            code.syntax.row(function.node),
            code.syntax.end_row(function.node),
            function.qualified,
            f"`{function.name}` is private, and nothing mentions it",
            "Delete it; the repository remembers it",
            unless=function.name if code.language == "python" else "",
            is_local=code.language != "python",
        )


def _python(code: Code, function: Function) -> bool:
    """Undecorated, in the module or in a class without a base that could call it."""
    name, parent = function.name, code.syntax.parent(function.node)
    if not name.startswith("_") or name == "_" or name.endswith("__") or parent is None:
        return False
    above = code.syntax.parent(parent)
    if parent.kind == "module":
        return True
    if any(word in code.mentions for word in _BY_NAME):
        return False
    return above is not None and above.kind == "class_definition" and code.syntax.field(above, "superclasses") is None


def _javascript(code: Code, function: Function) -> bool:
    """A function of an ES module that is not exported, or a method that the language itself keeps private."""
    syntax, node = code.syntax, function.node
    parent = syntax.parent(node)
    if parent is None or code.path.endswith(".d.ts"):
        return False
    if node.kind == "method_definition":
        before = [child for child in syntax.children(parent) if child.number < node.number]
        head = syntax.text[node.start : function.body.start]
        is_private = function.name.startswith("#") or re.match(r"private\s", head) is not None
        return is_private and not (before and before[-1].kind == "decorator") and "@" not in head
    is_module = any(child.kind in {"import_statement", "export_statement"} for child in syntax.children(syntax.root))
    return is_module and parent.kind == "program" and node.kind == "function_declaration"


def _java(code: Code, function: Function) -> bool:
    head = code.syntax.text[function.node.start : function.body.start]
    if "@" in head or function.name in _SERIALIZATION or function.node.kind != "method_declaration":
        return False
    return re.search(r"\bprivate\b", head) is not None


def _csharp(code: Code, function: Function) -> bool:
    head = code.syntax.text[function.node.start : function.body.start]
    if function.node.kind != "method_declaration" or head.lstrip().startswith("["):
        return False
    return re.search(r"\bprivate\b", head) is not None and not re.search(r"\bpartial\b", code.syntax.text)


def _php(code: Code, function: Function) -> bool:
    head = code.syntax.text[function.node.start : function.body.start]
    return re.search(r"\bprivate\b", head) is not None and "#[" not in head and not function.name.startswith("__")


_PRIVATE: dict[str, Callable[[Code, Function], bool]] = {
    "python": _python,
    "javascript": _javascript,
    "javascriptreact": _javascript,
    "typescript": _javascript,
    "typescriptreact": _javascript,
    "java": _java,
    "csharp": _csharp,
    "php": _php,
}

RULE = Rule("unused-function", "a private function that nothing mentions", _find)
