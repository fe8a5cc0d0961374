"""What a caller of a function has to give, in each language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.forms import Forms
    from beastmode.context.syntax.nodes import Node, Syntax

_BOOLEAN = frozenset(("bool", "boolean", "Boolean", "_Bool"))
_TRUTHS = frozenset(("True", "False", "true", "false"))
_OBJECT = frozenset(("self", "cls", "this"))
_NAME = re.compile(r"[\w$]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `is_named`: a caller writes its name; `has_default`: it can be left out."""

    name: str
    is_boolean: bool = False
    is_named: bool = False
    has_default: bool = False


def parameters(syntax: Syntax, forms: Forms, function: Node) -> tuple[Parameter, ...]:
    """The parameters without the object that a method belongs to, and without those that take any number."""
    listed = syntax.field(function, "parameters") or _of_declarator(syntax, function)
    if listed is None:
        single = syntax.field(function, "parameter")  # x => …
        return () if single is None else (Parameter(syntax.say(single)),)
    found: list[Parameter] = []
    is_named = False
    for entry in syntax.parts(listed):
        if entry.kind in {"keyword_separator", "list_splat_pattern"} or syntax.say(entry).startswith("*"):
            is_named = is_named or syntax.language == "python"
            if syntax.language == "python":
                continue
        if entry.kind in forms.parameters and entry.kind not in {"dictionary_splat_pattern", "positional_separator"}:
            found.extend(_of_entry(syntax, entry, is_named=is_named))
    if found and found[0].name in _OBJECT:
        del found[0]
    return tuple(found)


def _of_declarator(syntax: Syntax, function: Node) -> Node | None:
    """The parameters of a C function stand in its declarator."""
    found = syntax.field(function, "declarator")
    while found is not None and found.kind != "function_declarator":
        found = syntax.field(found, "declarator") or (
            next(iter(syntax.parts(found)), None) if found.kind == "reference_declarator" else None
        )
    return None if found is None else syntax.field(found, "parameters")


def _of_entry(syntax: Syntax, entry: Node, *, is_named: bool) -> Iterator[Parameter]:
    typed = syntax.field(entry, "type")
    default = syntax.field(entry, "value") or syntax.field(entry, "default_value") or syntax.field(entry, "right")
    if syntax.language == "csharp" and "=" in {child.kind for child in syntax.children(entry)}:
        default = syntax.parts(entry)[-1]
    written = syntax.say(typed).lstrip(": ") if typed is not None else ""
    is_boolean = written in _BOOLEAN or (default is not None and syntax.say(default) in _TRUTHS)
    is_named = is_named or entry.kind in {"keyword_parameter", "object_pattern"}
    if written == "void" and len(syntax.parts(entry)) == 1:
        return  # C's `(void)`
    names = [child for child in syntax.children(entry) if child.field == "name"]  # Go: `a, b int`
    for name in names or [_name(syntax, entry)]:
        said = _NAME.search(syntax.say(name))
        yield Parameter(said[0] if said else "", is_boolean, is_named, default is not None)


def _name(syntax: Syntax, entry: Node) -> Node:
    """The node with the name of a parameter whose grammar has no field for it."""
    for field in ("pattern", "declarator", "left"):
        named = syntax.field(entry, field)
        if named is not None:
            while (inner := syntax.field(named, "declarator")) is not None:
                named = inner
            return named
    parts = syntax.parts(entry)
    return parts[0] if parts and entry.kind != "object_pattern" else entry
