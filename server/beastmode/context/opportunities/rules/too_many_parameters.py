"""A function that wants too much of whoever calls it; what is written with its name, or can be left out, is free."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code, Function

_NEEDED, _MANY = 7, 10
_GIVEN = {"c": 8, "cpp": 8, "go": 7, "rust": 8}
"""Parameters from which on it is said, where callers cannot write names and so have shorter lists to begin with."""
_OVERRIDES = re.compile(r"(^|\s)(@Override|@override|override)\b")
_WRITTEN_BY_FRAMEWORK = re.compile(r"^(test|setup|teardown|fixture|pytest)|^main$", re.IGNORECASE)


def _find(code: Code) -> Iterator[Finding]:
    least = _GIVEN.get(code.language, _NEEDED)
    for function in code.functions:
        given = [parameter for parameter in code.parameters(function) if not parameter.is_named]
        needed = [parameter for parameter in given if not parameter.has_default]
        if len(needed) < least or not code.syntax.is_sound(function.node):
            continue
        if _is_written_elsewhere(code, function):
            continue
        yield Finding(
            Severity.HIGH if len(needed) >= _MANY + least - _NEEDED else Severity.MEDIUM,
            code.syntax.row(function.node),
            code.syntax.row_of(function.node.start + len(_head(code, function).rstrip()) - 1),
            function.qualified,
            f"`{function.name}` needs {len(needed)} arguments in the right order: "
            f"{', '.join(parameter.name for parameter in needed[:12])}",
            "Put arguments that travel together into one object"
            + (", or let callers name them (`*`)" if code.language == "python" else ""),
        )


def _is_written_elsewhere(code: Code, function: Function) -> bool:
    """Whether somebody else decides about the parameters: a base class, or a framework that fills them in."""
    if code.is_test and _WRITTEN_BY_FRAMEWORK.search(function.name):
        return True
    above = code.syntax.parent(function.node)
    if above is not None and above.kind == "decorated_definition":
        return True
    return _OVERRIDES.search(_head(code, function)) is not None


def _head(code: Code, function: Function) -> str:
    return code.syntax.text[function.node.start : function.body.start]


RULE = Rule("too-many-parameters", "a function that needs many arguments in the right order", _find)
