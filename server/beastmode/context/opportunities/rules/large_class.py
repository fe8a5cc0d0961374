"""A class that does everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_ROWS, _METHODS = 400, 25
_HUGE_ROWS, _HUGE_METHODS = 1_000, 60


def _find(code: Code) -> Iterator[Finding]:
    if code.is_test:
        return
    for node, name in code.classes:
        rows = code.rows_of(node)
        if rows < _ROWS:
            continue
        methods = sum(
            function.owner == name and node.number < function.node.number < node.after for function in code.functions
        )
        if methods < _METHODS:
            continue
        yield Finding(
            Severity.HIGH if rows >= _HUGE_ROWS or methods >= _HUGE_METHODS else Severity.MEDIUM,
            code.syntax.row(node),
            code.syntax.end_row(node),
            name,
            f"`{name}` has {methods} methods in {rows} lines of code; nobody keeps that many in mind",
            "Move the methods that use the same few fields into a class of their own",
        )


RULE = Rule("large-class", "a class with too many methods", _find)
